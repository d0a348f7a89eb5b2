/* What stands on standard output and on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/cli/cell.h"
#include "daemon/cli/completion.h"
#include "daemon/cli/rows.h"
#include "daemon/cli/sse.h"

static char printed[65536];

/* Rows of these pages as they come to standard output. */
static const char *print_pages(enum output_form form, const char *columns, const char *first, const char *second)
{
	int before = dup(STDOUT_FILENO), ends[2];
	const char *pages[] = { first, second };
	struct rows rows;
	ssize_t got;
	size_t len = 0;

	assert_int_equal(pipe(ends), 0);
	fflush(stdout);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	assert_int_equal(rows_begin(&rows, form, columns), ERR_OK);
	for (size_t i = 0; i < 2; i++) {
		json_t *page = pages[i] ? json_loads(pages[i], 0, NULL) : NULL;

		if (page)
			rows_add(&rows, page);
		json_decref(page);
	}
	rows_end(&rows, NULL, 3);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
	while (len + 1 < sizeof printed && (got = read(ends[0], printed + len, sizeof printed - 1 - len)) > 0)
		len += (size_t)got;
	printed[len] = '\0';
	close(ends[0]);
	return printed;
}

static void tables_line_up_whatever_the_script(void **state)
{
	(void)state;
	assert_string_equal(print_pages(OUTPUT_TABLE, "name n", "[{\"name\":\"a\",\"n\":1},{\"name\":\"\xe6\x97\xa5\xe6\x9c\xac\",\"n\":2},{\"name\":\"e\xcc\x81t\xc3\xa9\",\"n\":null}]", NULL),
			    "name  n\na     1\n\xe6\x97\xa5\xe6\x9c\xac  2\ne\xcc\x81t\xc3\xa9   -\n");
}

static void pages_join_in_every_form(void **state)
{
	const char *first = "[{\"a\":1,\"b\":\"x\"}]", *second = "[{\"a\":2,\"b\":\"y\"},{\"a\":3,\"b\":\"z\"}]";

	(void)state;
	assert_string_equal(print_pages(OUTPUT_TABLE, "a b", first, second), "a  b\n1  x\n2  y\n3  z\n");
	assert_string_equal(print_pages(OUTPUT_CSV, NULL, first, second), "a,b\r\n1,x\r\n2,y\r\n3,z\r\n");
	assert_string_equal(print_pages(OUTPUT_NDJSON, NULL, first, second), "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n{\"a\":3,\"b\":\"z\"}\n");
	assert_string_equal(print_pages(OUTPUT_JSON, NULL, first, second), "{\"data\":[{\"a\":1,\"b\":\"x\"},\n{\"a\":2,\"b\":\"y\"},\n{\"a\":3,\"b\":\"z\"}],\"next_cursor\":null,\"total_estimate\":3}\n");
	assert_string_equal(print_pages(OUTPUT_JSON, NULL, "[]", NULL), "{\"data\":[],\"next_cursor\":null,\"total_estimate\":3}\n");
}

static void no_cell_of_csv_is_a_formula(void **state)
{
	(void)state;
	assert_string_equal(print_pages(OUTPUT_CSV, NULL, "[{\"a\":\"=HYPERLINK(1,2)\",\"b\":-5,\"c\":[\"@example.org\"]},{\"a\":\"a=b\",\"b\":\"-5\",\"c\":\"\"}]", NULL),
			    "a,b,c\r\n\"'=HYPERLINK(1,2)\",-5,'@example.org\r\na=b,'-5,\r\n");
}

static void csv_is_quoted_as_rfc_4180_has_it(void **state)
{
	(void)state;
	assert_string_equal(print_pages(OUTPUT_CSV, "a b c.d", "[{\"a\":\"x,y\",\"b\":\"say \\\"hi\\\"\",\"c\":{\"d\":[\"p\",\"q\"]}},{\"a\":null,\"b\":\"two\\nlines\",\"c\":{}}]", NULL),
			    "a,b,c.d\r\n\"x,y\",\"say \"\"hi\"\"\",p q\r\n,\"two\nlines\",\r\n");
}

static void data_cannot_command_a_terminal(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "a\x1b[31mb", "a?[31mb" },
		{ "bell\x07tab\tline\n", "bell?tab?line?" },
		{ "c1\xc2\x9b"
		  "31m",
		  "c1?31m" },
		{ "bidi\xe2\x80\xae"
		  "txt",
		  "bidi?txt" },
		{ "iso\xe2\x81\xa6x", "iso?x" },
		{ "sep\xe2\x80\xa8x", "sep?x" },
		{ "bad\xff\xfe", "bad??" },
		{ "\x7f", "?" },
		{ "gr\xc3\xbc\xc3\x9f"
		  "e",
		  "gr\xc3\xbc\xc3\x9f"
		  "e" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf out;

		buf_init(&out, 1000);
		cell_clean(&out, span_str(cases[i].in));
		assert_string_equal(buf_cstr(&out), cases[i].out);
		buf_clear(&out);
	}
}

static void too_many_columns_are_refused(void **state)
{
	char columns[400] = "";
	struct rows rows;

	(void)state;
	for (int i = 0; i < ROWS_MAX_COLUMNS + 1; i++)
		snprintf(columns + strlen(columns), sizeof columns - strlen(columns), "c%d,", i);
	assert_int_equal(rows_begin(&rows, OUTPUT_TABLE, columns), ERR_LIMIT);
	memset(columns, 'x', 100);
	columns[100] = '\0';
	assert_int_equal(rows_begin(&rows, OUTPUT_TABLE, columns), ERR_LIMIT);
}

/* ---- events ---- */

struct seen {
	char text[500];
	unsigned count, stop_after;
};

static bool see(void *arg, const struct sse_event *e)
{
	struct seen *s = arg;

	snprintf(s->text + strlen(s->text), sizeof s->text - strlen(s->text), "%llu %s %.*s|", (unsigned long long)e->id, e->type, (int)e->data.len, e->data.ptr);
	return ++s->count != s->stop_after;
}

static void event_streams_are_read_byte_by_byte(void **state)
{
	static const char stream[] = "retry: 2000\n\n: hello\n\nid: 7\ndata: {\"a\":1}\n\nid: 9\nevent: lost\r\ndata: x\r\ndata: y\r\n\r\nid: 12\n\ndata: last\n\n";

	(void)state;
	for (size_t piece = 1; piece < 40; piece += 13) {
		struct seen seen = { "", 0, 0 };
		struct sse s;

		sse_init(&s);
		for (size_t at = 0; at < sizeof stream - 1; at += piece)
			assert_true(sse_feed(&s, span_take(span_make(stream + at, sizeof stream - 1 - at), piece), see, &seen));
		assert_string_equal(seen.text, "7  {\"a\":1}|9 lost x\ny|12  last|");
		assert_int_equal(s.id, 12);
		sse_clear(&s);
	}
}

static void an_endless_line_of_events_takes_no_memory(void **state)
{
	struct seen seen = { "", 0, 1 };
	struct sse s;

	(void)state;
	sse_init(&s);
	for (int i = 0; i < 9000; i++)
		assert_true(sse_feed(&s, SPAN("data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), see, &seen));
	assert_true(s.line.cap <= 2097152);
	assert_false(sse_feed(&s, SPAN("\n\ndata: next\n\n"), see, &seen));
	assert_string_equal(seen.text, "0  next|");
	sse_clear(&s);
}

/* ---- completions ---- */

static void completions_know_every_verb(void **state)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };
	const struct verb *v;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char *text = NULL;
		size_t len;
		FILE *to = open_memstream(&text, &len);

		assert_true(completion_print(to, shells[i]));
		assert_false(completion_print(to, "tcsh"));
		fclose(to);
		for (size_t k = 0; (v = verb_at(k)); k++) {
			assert_non_null(strstr(text, v->noun));
			for (int n = 0; n < VERB_MAX_ARGUMENTS && v->arguments[n].name; n++)
				if (strncmp(v->arguments[n].name, "--", 2) == 0)
					assert_non_null(strstr(text, v->arguments[n].name + 2));
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_line_up_whatever_the_script),
		cmocka_unit_test(pages_join_in_every_form),
		cmocka_unit_test(csv_is_quoted_as_rfc_4180_has_it),
		cmocka_unit_test(no_cell_of_csv_is_a_formula),
		cmocka_unit_test(data_cannot_command_a_terminal),
		cmocka_unit_test(too_many_columns_are_refused),
		cmocka_unit_test(event_streams_are_read_byte_by_byte),
		cmocka_unit_test(an_endless_line_of_events_takes_no_memory),
		cmocka_unit_test(completions_know_every_verb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
