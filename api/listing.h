/* api/listing.h: a page of a sorted array: from a cursor on, what fits a filter, as far as the limit goes. Internal to api/. */
#ifndef POSTROOM_API_LISTING_H
#define POSTROOM_API_LISTING_H

#include "api/call.h"

struct listing {
	void *arg;
	size_t count; /* elements, in ascending order of their keys */
	bool descending;
	bool (*fits)(void *arg, size_t i);       /* null: all do */
	struct span (*key)(void *arg, size_t i); /* of an element: what a cursor holds */
	int (*compare)(void *arg, size_t i, struct span key);
	struct json_t *(*show)(void *arg, size_t i); /* of those on the page only */
};
/* Answers the call. Elements are looked at until the page is full and the estimate is capped: 100,000 with a search take some milliseconds. */
void listing_reply(struct api_call *c, const struct listing *l);

#endif
