/* imap/fetch_plan.c: what FETCH must read of a message. */
#include "daemon/imap/fetch.h"

static unsigned want_section(const struct fetch_item *item)
{
	bool header = item->text == SECTION_HEADER || item->text == SECTION_FIELDS || item->text == SECTION_FIELDS_NOT;

	if (item->number_count)
		return WANT_PARTS | WANT_BODY | (item->text == SECTION_MIME ? WANT_HEAD : 0);
	return WANT_PARTS | (header ? WANT_HEAD : item->text == SECTION_TEXT ? WANT_BODY
									     : WANT_HEAD | WANT_BODY);
}

static const unsigned wants[] = {
	[FETCH_FLAGS] = WANT_FLAGS,
	[FETCH_UID] = WANT_FLAGS,
	[FETCH_INTERNALDATE] = WANT_META,
	[FETCH_SIZE] = WANT_META,
	[FETCH_ENVELOPE] = WANT_ENVELOPE,
	[FETCH_BODY_PLAIN] = WANT_STRUCTURE,
	[FETCH_BODY_STRUCTURE] = WANT_STRUCTURE,
	[FETCH_SECTION] = 0, /* by its section, as the next two */
	[FETCH_BINARY] = 0,
	[FETCH_BINARY_SIZE] = 0,
	[FETCH_MODSEQ] = WANT_FLAGS,
	[FETCH_PREVIEW] = WANT_WORDS,
	[FETCH_EMAILID] = WANT_FLAGS,
	[FETCH_THREADID] = WANT_META,
	[FETCH_SAVEDATE] = WANT_FLAGS,
};

unsigned fetch_want(const struct fetch_item *items, size_t count)
{
	unsigned want = WANT_FLAGS;

	for (size_t i = 0; i < count; i++) {
		const bool by_section = items[i].kind == FETCH_SECTION || items[i].kind == FETCH_BINARY || items[i].kind == FETCH_BINARY_SIZE;

		want |= by_section ? want_section(&items[i]) : wants[items[i].kind];
	}
	return want;
}
