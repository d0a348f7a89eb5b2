/* imap/fetch_news.h: FETCH lines of new messages that no FETCH has asked for: what MessageNew and UPDATE want of them (RFC 5465 5.2, 7). */
#ifndef POSTROOM_IMAP_FETCH_NEWS_H
#define POSTROOM_IMAP_FETCH_NEWS_H

#include "daemon/imap/fetch.h"

/* Zeros: nothing is being told. */
struct fetch_news {
	bool begun;
	struct uid_set set;
	unsigned want;
	uint32_t after_uid;
	struct fetch_row row;
};

/* The items of each message of the set, which stays the caller's, with UID, and with MODSEQ for who has enabled CONDSTORE. Nothing is marked as seen.
 * False: no room. */
bool fetch_news_begin(struct imap_session *s, struct fetch_news *f, const struct uid_set *set, const struct fetch_item *items, size_t count);
/* False: the output is full, or the turn is over. What can't be read now is left out. Uses run.batch. */
bool fetch_news_more(struct imap_session *s, struct fetch_news *f, struct out *out);

#endif
