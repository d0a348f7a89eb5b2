/* imap/objectid.c: see the header. The account's number is in it so that ids of two accounts never meet in one client. */
#include "daemon/imap/objectid.h"

#include <inttypes.h>
#include <stdio.h>

#define LENGTH_MAX 255

static const char letters[] = {
	[OBJECTID_MAILBOX] = 'F',
	[OBJECTID_EMAIL] = 'M',
	[OBJECTID_THREAD] = 'T',
};

struct objectid objectid_make(enum objectid_kind kind, uint64_t account_id, uint64_t number)
{
	struct objectid id;

	(void)snprintf(id.text, sizeof id.text, "%c%" PRIu64 "-%" PRIu64, letters[kind], account_id, number);
	return id;
}

bool objectid_is_one(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && c != '_' && c != '-')
			return false;
	}
	return text.len > 0 && text.len <= LENGTH_MAX;
}

enum err objectid_parse(struct span text, enum objectid_kind kind, uint64_t account_id, uint64_t *number_out)
{
	struct objectid again;
	uint64_t number;
	size_t dash;

	if (!span_find_char(text, '-', &dash) || span_to_u64(span_skip(text, dash + 1), INT64_MAX, &number))
		return ERR_NOT_FOUND;
	again = objectid_make(kind, account_id, number);
	if (!span_equals(span_str(again.text), text))
		return ERR_NOT_FOUND;
	*number_out = number;
	return ERR_OK;
}
