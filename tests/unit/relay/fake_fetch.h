/* unit/relay/fake_fetch.h: policy hosts in memory in the place of the fetcher. */
#ifndef POSTROOM_UNIT_FAKE_FETCH_H
#define POSTROOM_UNIT_FAKE_FETCH_H

#include "daemon/net/fetch.h"

struct fake_page {
	enum err err;
	bool untrusted;
	int status;
	const char *type, *body;
	size_t body_len; /* 0: of the text */
};
/* What every request gets from now on. */
void fake_fetch_give(const struct fake_page *page);
/* Requests wait until they are let go. */
void fake_fetch_hold(bool hold);
unsigned fake_fetch_count(void);
/* All that was begun has ended. */
void fake_fetch_settle(void);
const char *fake_fetch_url(void); /* the last one */
/* The last request's filter says so. */
bool fake_fetch_may_connect(const char *ip);

#endif
