/* imap/esearch.h: telling what a SEARCH or SORT has found, and keeping it as "$". Internal to the search commands. */
#ifndef POSTROOM_IMAP_ESEARCH_H
#define POSTROOM_IMAP_ESEARCH_H

#include "daemon/imap/search_run.h"

/* The untagged reply to what was found in one mailbox, in pieces. */
struct search_telling;
struct search_mailbox {
	struct span mailbox; /* as the client knows it; ptr null: it is the selected one, and not named */
	uint32_t uid_validity;
};
/* In the arena, as `f`; null: no room. */
struct search_telling *search_telling_begin(struct imap_session *s, const struct search_found *f, const struct search_return *wants, const struct search_mailbox *where,
					    struct arena *a);
/* False: the output is full. */
bool search_telling_more(struct imap_session *s, struct search_telling *t, struct out *out);
/* SAVE. ERR_LIMIT: "$" is nothing now. */
enum err search_save(struct imap_session *s, const struct search_found *f, const struct search_return *wants) MUST_CHECK;

/* Saves, tells, and finishes the command. `f` lives in run.arena. */
enum step search_tell(struct imap_session *s, struct out *out, const struct search_found *f);
/* The command fails: what it should have saved is nothing (RFC 5182 2.1). ERR_SYNTAX: its charset is unknown. */
enum step search_fail(struct imap_session *s, struct out *out, enum err e);
/* SORT and THREAD of more messages than that many hold them all in memory: refused (RFC 9738 3). */
enum step search_too_many(struct imap_session *s, struct out *out);

#endif
