/* imap/esearch.h: telling what a SEARCH or SORT has found, and keeping it as "$". Internal to the search commands. */
#ifndef POSTROOM_IMAP_ESEARCH_H
#define POSTROOM_IMAP_ESEARCH_H

#include "daemon/imap/search_run.h"

/* Saves, tells, and finishes the command. `f` lives in run.arena. */
enum step search_tell(struct imap_session *s, struct out *out, const struct search_found *f);
/* The command fails: what it should have saved is nothing (RFC 5182 2.1). ERR_SYNTAX: its charset is unknown. */
enum step search_fail(struct imap_session *s, struct out *out, enum err e);
/* SORT and THREAD of more messages than that many hold them all in memory: refused (RFC 9738 3). */
enum step search_too_many(struct imap_session *s, struct out *out);

#endif
