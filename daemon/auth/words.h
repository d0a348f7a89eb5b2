/* auth/words.h: lists as control.db keeps them: words with one blank between; what labels and networks people may give. */
#ifndef POSTROOM_AUTH_WORDS_H
#define POSTROOM_AUTH_WORDS_H

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"
#include "daemon/net/addr.h"

#define WORDS_NETWORKS_MAX 16

/* Words of the text, which must live as long as the list. ERR_TEMP. */
enum err words_split(struct span text, struct arena *a, const struct span **out, size_t *count_out) MUST_CHECK;
/* Networks in CIDR form. ERR_SYNTAX. */
enum err words_networks(struct span text, struct arena *a, const struct net_cidr **out, size_t *count_out) MUST_CHECK;

/* ERR_SYNTAX: a word that is empty or holds a blank or control character; ERR_LIMIT: more than `max`. */
enum err words_join(const struct span *list, size_t count, size_t max, struct buf *out) MUST_CHECK;
/* The same for CIDRs, each checked. */
enum err words_join_networks(const struct span *list, size_t count, struct buf *out, struct note *why) MUST_CHECK;
/* What words_join_networks() would take, at most WORDS_NETWORKS_MAX of them. */
enum err words_check_networks(const struct span *list, size_t count, struct note *why) MUST_CHECK;
/* 1 to 100 bytes of UTF-8 without control characters. */
enum err words_check_label(struct span label, struct note *why) MUST_CHECK;

#endif
