/* Capabilities: what is shown, what can be switched off, what rests upon what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "daemon/imap/reply.h"

/* The list that clients are promised, written down once more. */
static const char *const promised[] = {
	"IMAP4rev1", "IMAP4rev2", "LITERAL+", "SASL-IR", "ID", "ENABLE", "IDLE", "NAMESPACE", "CHILDREN", "SPECIAL-USE", "CREATE-SPECIAL-USE",
	"LIST-EXTENDED", "LIST-STATUS", "STATUS=SIZE", "UNSELECT", "UIDPLUS", "MOVE", "MULTIAPPEND", "CATENATE", "REPLACE", "APPENDLIMIT=52428800",
	"BINARY", "COMPRESS=DEFLATE", "CONDSTORE", "QRESYNC", "ESEARCH", "SEARCHRES", "WITHIN", "SEARCH=FUZZY", "MULTISEARCH", "SORT", "SORT=DISPLAY", "ESORT",
	"THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES", "THREAD=REFS", "PARTIAL", "CONTEXT=SEARCH", "CONTEXT=SORT", "UIDBATCHES", "INPROGRESS", "NOTIFY", "I18NLEVEL=1",
	"OBJECTID", "PREVIEW", "SAVEDATE",
	"UTF8=ACCEPT", "UIDONLY", "MESSAGELIMIT=100000", "UNAUTHENTICATE", "QUOTA", "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE", "QUOTASET",
	"ACL", "RIGHTS=kxte", "LIST-MYRIGHTS", "METADATA", "METADATA-SERVER", "LIST-METADATA",
	"URLAUTH", "URLAUTH=BINARY"
};

static const char *shown(uint64_t off, char room[4096])
{
	struct imap_session s = { .state = IMAP_AUTHED, .off = off };
	struct span line;
	struct out out;

	out_init(&out);
	reply_capability(&s, &out);
	line = out_peek(&out, room, 4096);
	assert_true(line.len > 2 && line.len < 4096);
	if (line.ptr != room)
		memcpy(room, line.ptr, line.len);
	room[line.len - 2] = ' '; /* CRLF */
	room[line.len - 1] = 0;
	out_clear(&out);
	return room;
}

static bool has(const char *line, const char *name)
{
	char word[80];

	snprintf(word, sizeof word, " %s ", name);
	return strstr(line, word);
}

static void after_login_every_promised_name_is_advertised(void **state)
{
	char room[4096];
	const char *line = shown(0, room);
	size_t words = 0;

	(void)state;
	for (size_t i = 0; i < sizeof promised / sizeof *promised; i++)
		if (!has(line, promised[i]))
			fail_msg("%s is missing", promised[i]);
	for (const char *c = line; *c; c++)
		words += *c == ' ';
	assert_int_equal(words - 2, sizeof promised / sizeof *promised); /* "* CAPABILITY ", and nothing that is not promised */
}

static void what_is_switched_off_is_not_advertised(void **state)
{
	char room[4096];

	(void)state;
	for (unsigned cap = CAP_NONE + 1; cap < CAP_COUNT; cap++) {
		struct span text = imap_capability_text((enum imap_capability)cap);
		char name[64];
		size_t n = 0;

		while (n < text.len && text.ptr[n] != ' ')
			n++;
		snprintf(name, sizeof name, "%.*s", (int)(n < 63 ? n : 63), text.ptr);
		assert_true(has(shown(0, room), name));
		assert_false(has(shown(imap_capability_closure(CAP_BIT(cap)), room), name));
	}
}

static void what_rests_upon_something_goes_with_it(void **state)
{
	uint64_t off;

	(void)state;
	off = imap_capability_closure(CAP_BIT(CAP_CONDSTORE));
	assert_int_equal(off, CAP_BIT(CAP_CONDSTORE) | CAP_BIT(CAP_QRESYNC));
	off = imap_capability_closure(CAP_BIT(CAP_ENABLE));
	assert_true(off & CAP_BIT(CAP_QRESYNC));
	assert_true(off & CAP_BIT(CAP_IMAP4REV2));
	off = imap_capability_closure(CAP_BIT(CAP_IDLE)); /* RFC 9051 has it built in */
	assert_int_equal(off, CAP_BIT(CAP_IDLE) | CAP_BIT(CAP_IMAP4REV2));
	assert_int_equal(imap_capability_closure(CAP_BIT(CAP_COMPRESS)), CAP_BIT(CAP_COMPRESS));
	assert_int_equal(imap_capability_closure(0), 0);
}

static void names_are_read_and_written(void **state)
{
	struct span bad;
	struct buf text;
	uint64_t mask;

	(void)state;
	assert_int_equal(imap_capability_parse(SPAN("idle MESSAGELIMIT quota=res-storage"), &mask, &bad), ERR_OK);
	assert_int_equal(mask, CAP_BIT(CAP_IDLE) | CAP_BIT(CAP_MESSAGELIMIT) | CAP_BIT(CAP_QUOTA));
	buf_init(&text, 256);
	imap_capability_write(mask, &text);
	assert_string_equal(buf_cstr(&text), "IDLE MESSAGELIMIT QUOTA");
	buf_clear(&text);
	assert_int_equal(imap_capability_parse(SPAN("IDLE IMAP4rev1"), &mask, &bad), ERR_SYNTAX);
	assert_true(span_equals(bad, SPAN("IMAP4rev1")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_login_every_promised_name_is_advertised),
		cmocka_unit_test(what_is_switched_off_is_not_advertised),
		cmocka_unit_test(what_rests_upon_something_goes_with_it),
		cmocka_unit_test(names_are_read_and_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
