#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "daemon/base/buf.h"
#include "daemon/mime/address.h"

static void expect_span(struct span got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.ptr ? got.ptr : "", want, got.len);
}

struct path_case {
	const char *in;
	bool utf8;
	enum err err;
	const char *local, *domain;
	size_t left; /* bytes behind the path */
};

static const struct path_case path_cases[] = {
	{ "<>", false, ERR_OK, "", "", 0 },
	{ "<> SIZE=1", false, ERR_OK, "", "", 7 },
	{ "<postmaster>", false, ERR_OK, "postmaster", "", 0 },
	{ "<PostMaster>", false, ERR_OK, "postmaster", "", 0 },
	{ "<root>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@our.example>", false, ERR_OK, "a", "our.example", 0 },
	{ "<a@our> BODY=8BITMIME", false, ERR_OK, "a", "our", 14 },
	{ "<A.b+c@OUR.Example>", false, ERR_OK, "A.b+c", "our.example", 0 },
	{ "<@x:a@our>", false, ERR_OK, "a", "our", 0 },
	{ "<@x,@[127.0.0.1],@y.z:a@our>", false, ERR_OK, "a", "our", 0 },
	{ "<@x,a@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<@x:>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<@>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<@a.b>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a%b@our>", false, ERR_OK, "a%b", "our", 0 },
	{ "<a!b@our>", false, ERR_OK, "a!b", "our", 0 },
	{ "<a@b@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<\"a@b\"@our>", false, ERR_OK, "a@b", "our", 0 },
	{ "<\"a b\\\"c\"@our>", false, ERR_OK, "a b\"c", "our", 0 },
	{ "<\"a>b\"@our>", false, ERR_OK, "a>b", "our", 0 },
	{ "<\"a\"@our>", false, ERR_OK, "a", "our", 0 },
	{ "<\"\"@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<\"a\rb\"@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<\"a\\\x01\"@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<\"abc@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<\"abc\\>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<\"a\".b@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@[127.0.0.1]>", false, ERR_OK, "a", "[127.0.0.1]", 0 },
	{ "<a@[IPv6:::1]>", false, ERR_OK, "a", "[IPv6:::1]", 0 },
	{ "<a@[ipv6:2001:DB8:0:0::1]>", false, ERR_OK, "a", "[IPv6:2001:db8::1]", 0 },
	{ "<a@[127.0.0.256]>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@[127.0.0]>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@[IPv6:zz]>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@[x-tag:data]>", false, ERR_OK, "a", "[x-tag:data]", 0 },
	{ "<a@[]>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@[127.0.0.1>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@[127.0.0.1]x>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@our.>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@.our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@o..ur>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@-our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@our->", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@our-.de>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@o_ur>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@o ur>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a..b@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<.a@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a.@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@our", false, ERR_SYNTAX, 0, 0, 0 },
	{ "a@our", false, ERR_SYNTAX, 0, 0, 0 },
	{ "< a@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "|/bin/sh", false, ERR_SYNTAX, 0, 0, 0 },
	{ "../../x@our", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<../../x@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<j\xc3\xbcrgen@our>", false, ERR_SYNTAX, 0, 0, 0 },
	{ "<j\xc3\xbcrgen@our>", true, ERR_OK, "j\xc3\xbcrgen", "our", 0 },
	{ "<j\xfcrgen@our>", true, ERR_SYNTAX, 0, 0, 0 },
	{ "<\"j \xc3\xbc\"@our>", true, ERR_OK, "j \xc3\xbc", "our", 0 },
	{ "<a@b\xc3\xbc"
	  "cher.example>",
	  false, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@b\xc3\xbc"
	  "cher.example>",
	  true, ERR_OK, "a", "xn--bcher-kva.example", 0 },
	{ "<a@B\xc3\x9c"
	  "CHER.example>",
	  true, ERR_OK, "a", "xn--bcher-kva.example", 0 },
	{ "<a@bu\xcc\x88"
	  "cher.example>",
	  true, ERR_OK, "a", "xn--bcher-kva.example", 0 },
	{ "<a@stra\xc3\x9f"
	  "e.example>",
	  true, ERR_OK, "a", "xn--strae-oqa.example", 0 },
	{ "<a@b\xc3\xbc_cher.example>", true, ERR_SYNTAX, 0, 0, 0 },
	{ "<a@\xe3\x80\x82>", true, ERR_SYNTAX, 0, 0, 0 },
};

static void paths_follow_the_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(path_cases) / sizeof(path_cases[0]); i++) {
		const struct path_case *c = &path_cases[i];
		struct address out;
		struct arena a;
		size_t used = 0;

		arena_init(&a, 65536);
		enum err e = address_parse_path(span_str(c->in), c->utf8, &a, &out, &used);
		if (e != c->err)
			print_error("case %s\n", c->in);
		assert_int_equal(e, c->err);
		if (e == ERR_OK) {
			expect_span(out.local, c->local);
			expect_span(out.domain, c->domain);
			assert_int_equal(strlen(c->in) - used, c->left);
		}
		arena_clear(&a);
	}
}

static void a_nul_is_refused_everywhere(void **state)
{
	const struct span in[] = { SPAN("<a\0b@our>"), SPAN("<\"a\0\"@our>"), SPAN("<a@o\0ur>"), SPAN("<a@[1.2.3.4\0]>"), SPAN("<@\0:a@b>"), SPAN("<a@b\xc3\xbc\0.de>") };
	struct address out;
	struct arena a;
	size_t used;

	(void)state;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		assert_int_equal(address_parse_path(in[i], true, &a, &out, &used), ERR_SYNTAX);
	arena_clear(&a);
}

static enum err parse_lengths(size_t local, size_t label, size_t labels)
{
	char text[2000];
	size_t len = 0, used;
	struct address out;
	struct arena a;
	enum err e;

	text[len++] = '<';
	for (size_t i = 0; i < local; i++)
		text[len++] = 'l';
	text[len++] = '@';
	for (size_t i = 0; i < labels; i++) {
		if (i > 0)
			text[len++] = '.';
		for (size_t k = 0; k < label; k++)
			text[len++] = 'd';
	}
	text[len++] = '>';
	arena_init(&a, 65536);
	e = address_parse_path(span_make(text, len), false, &a, &out, &used);
	arena_clear(&a);
	return e;
}

static void lengths_end_at_64_63_and_255(void **state)
{
	(void)state;
	assert_int_equal(parse_lengths(64, 3, 1), ERR_OK);
	assert_int_equal(parse_lengths(65, 3, 1), ERR_LIMIT);
	assert_int_equal(parse_lengths(1, 63, 1), ERR_OK);
	assert_int_equal(parse_lengths(1, 64, 1), ERR_SYNTAX);
	assert_int_equal(parse_lengths(1, 63, 4), ERR_OK); /* 255 */
	assert_int_equal(parse_lengths(1, 31, 8), ERR_OK); /* 255 */
	assert_int_equal(parse_lengths(1, 1, 129), ERR_LIMIT);
	assert_int_equal(parse_lengths(1, 63, 5), ERR_LIMIT);
}

static void plain_addresses_are_read_whole(void **state)
{
	struct address out;
	struct arena a;
	struct span domain;

	(void)state;
	arena_init(&a, 65536);
	assert_int_equal(address_parse(SPAN("Ann@Our.Example"), &a, &out), ERR_OK);
	expect_span(out.local, "Ann");
	expect_span(out.domain, "our.example");
	assert_int_equal(address_parse(SPAN("\"a b\"@our"), &a, &out), ERR_OK);
	expect_span(out.local, "a b");
	assert_int_equal(address_parse(SPAN("ann"), &a, &out), ERR_SYNTAX);
	assert_int_equal(address_parse(SPAN("ann@"), &a, &out), ERR_SYNTAX);
	assert_int_equal(address_parse(SPAN("@our"), &a, &out), ERR_SYNTAX);
	assert_int_equal(address_parse(SPAN("ann@our>"), &a, &out), ERR_SYNTAX);
	assert_int_equal(address_parse(SPAN("ann@our,b@our"), &a, &out), ERR_SYNTAX);
	assert_int_equal(address_parse(SPAN("<ann@our>"), &a, &out), ERR_SYNTAX);
	assert_int_equal(address_parse(SPAN("ann@[1.2.3.4]x"), &a, &out), ERR_SYNTAX);
	assert_int_equal(address_parse(SPAN(""), &a, &out), ERR_SYNTAX);
	assert_int_equal(address_domain_normal(SPAN("M\xc3\x9cller.DE"), &a, &domain), ERR_OK);
	expect_span(domain, "xn--mller-kva.de");
	assert_int_equal(address_domain_normal(SPAN(""), &a, &domain), ERR_SYNTAX);
	assert_int_equal(address_domain_normal(SPAN("a.b."), &a, &domain), ERR_SYNTAX);
	arena_clear(&a);
}

static void writing_quotes_only_what_needs_it(void **state)
{
	static const char *const cases[] = { "a.b@our", "\"a b\\\"c\"@our", "\"a..b\"@our", "\"\\\\\"@our", "j\xc3\xbc@our", "\"a@b\"@our", "a@[127.0.0.1]" };
	struct address out;
	struct arena a;
	struct buf text;

	(void)state;
	arena_init(&a, 65536);
	buf_init(&text, 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(address_parse(span_str(cases[i]), &a, &out), ERR_OK);
		buf_reset(&text);
		address_write(&out, &text);
		expect_span(buf_span(&text), cases[i]);
	}
	buf_reset(&text);
	address_write(&(struct address){ { NULL, 0 }, { NULL, 0 } }, &text);
	assert_int_equal(text.len, 0);
	address_write(&(struct address){ SPAN("postmaster"), { NULL, 0 } }, &text);
	expect_span(buf_span(&text), "postmaster");
	buf_clear(&text);
	arena_clear(&a);
}

/* name|route|local|domain, groups as name{ and }. */
static void expect_list(const char *in, const char *want)
{
	struct header_address *list;
	struct arena a;
	struct buf text;
	size_t count;

	arena_init(&a, 4u << 20);
	buf_init(&text, 65536);
	assert_int_equal(address_list_parse(span_str(in), &a, &list, &count), ERR_OK);
	for (size_t i = 0; i < count; i++) {
		if (list[i].group_end) {
			buf_add_char(&text, '}');
			continue;
		}
		buf_add(&text, list[i].name);
		if (list[i].group_start) {
			buf_add_char(&text, '{');
			continue;
		}
		buf_add_char(&text, '|');
		buf_add(&text, list[i].route);
		buf_add_char(&text, '|');
		buf_add(&text, list[i].local);
		buf_add_char(&text, '|');
		buf_add(&text, list[i].domain);
		buf_add_char(&text, ';');
	}
	assert_string_equal(text.len ? buf_cstr(&text) : "", want);
	buf_clear(&text);
	arena_clear(&a);
}

static void header_lists_are_read_leniently(void **state)
{
	(void)state;
	expect_list("", "");
	expect_list("a@b", "||a|b;");
	expect_list("a@b, c@d", "||a|b;||c|d;");
	expect_list("Ann <a@b>", "Ann||a|b;");
	expect_list("\"Doe, John\" <j@d>", "Doe, John||j|d;");
	expect_list("\"John \\\"Q\\\" Doe\" <j@d>", "John \"Q\" Doe||j|d;");
	expect_list("John Q. Public <j@d>", "John Q. Public||j|d;");
	expect_list("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete||pete|silly.test;");
	expect_list("j@d (John Doe)", "John Doe||j|d;");
	expect_list("<@a,@b:j@d>", "|@a,@b|j|d;");
	expect_list("A Group:Ed Jones <joe@where.test>,joe@where.test,John <jdoe@one.test>;", "A Group{Ed Jones||joe|where.test;||joe|where.test;John||jdoe|one.test;}");
	expect_list("Undisclosed recipients:;", "Undisclosed recipients{}");
	expect_list("(Empty list)(start)Undisclosed recipients  :(nobody(that I know))  ;", "Undisclosed recipients{}");
	expect_list("g:a@b", "g{||a|b;}");
	expect_list("g:a@b;, c@d", "g{||a|b;}||c|d;");
	expect_list("\"a b\"@c", "||a b|c;");
	expect_list("a . b @ c . d", "||a.b|c.d;");
	expect_list("a@[1.2.3.4]", "||a|[1.2.3.4];");
	expect_list("root", "||root|;");
	expect_list("Some Body, a@b", "||a|b;");
	expect_list("=?utf-8?Q?J=C3=BC?= <j@d>", "=?utf-8?Q?J=C3=BC?=||j|d;");
	expect_list(",,,a@b,,", "||a|b;");
	expect_list("a@b junk here, c@d", "||c|d;");
	expect_list("Ann <a@b> junk, c@d", "Ann||a|b;||c|d;");
	expect_list("Ann <a@b", "Ann||a|b;");
	expect_list("\"unended <a@b>, c@d", "||unended <a@b>, c@d|;");
	expect_list("(((((", "");
	expect_list("<>", "");
	expect_list("Mailer <>", "");
	expect_list("a@b; c@d", "||a|b;||c|d;");
}

static void what_would_be_skipped_is_an_error_where_it_matters(void **state)
{
	static const char *const whole[] = { "a@b", "Ann <a@b>", "a@b (Ann), c@d", "g:a@b;", "\"Doe, J\" <j@d>, a@b", "a . b @ c", ",a@b," };
	static const char *const broken[] = { "a@b <c@d>", "<c@d> a@b", "a@b c@d", "Ann <a@b", "Ann <>, a@b", "<a@b c@d>", "a c@d, a@b", "<@c:a@b>", "a@b (c@d", "g: h: c@d;", "a@b > c@d", "a@b, <\"\"@c>", "\"\"@c, a@b" };
	struct header_address *list;
	struct arena a;
	size_t count;

	(void)state;
	arena_init(&a, 1u << 20);
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		assert_int_equal(address_list_parse_strict(span_str(whole[i]), &a, &list, &count), ERR_OK);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_int_equal(address_list_parse_strict(span_str(broken[i]), &a, &list, &count), ERR_SYNTAX);
	arena_clear(&a);
}

static void a_huge_list_is_cut(void **state)
{
	size_t len = 256 * 1024, count;
	char *text = malloc(len);
	struct header_address *list;
	struct arena a;

	(void)state;
	for (size_t i = 0; i < len; i++)
		text[i] = "a@b,"[i % 4];
	arena_init(&a, 4u << 20);
	assert_int_equal(address_list_parse(span_make(text, len), &a, &list, &count), ERR_OK);
	assert_int_equal(count, ADDRESS_LIST_MAX);
	arena_reset(&a);
	memset(text, '(', len);
	assert_int_equal(address_list_parse(span_make(text, len), &a, &list, &count), ERR_OK);
	assert_int_equal(count, 0);
	arena_reset(&a);
	for (size_t i = 0; i < len; i++)
		text[i] = "g:"[i % 2];
	assert_int_equal(address_list_parse(span_make(text, len), &a, &list, &count), ERR_OK);
	assert_true(list[count - 1].group_end);
	arena_clear(&a);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_follow_the_grammar),
		cmocka_unit_test(a_nul_is_refused_everywhere),
		cmocka_unit_test(lengths_end_at_64_63_and_255),
		cmocka_unit_test(plain_addresses_are_read_whole),
		cmocka_unit_test(writing_quotes_only_what_needs_it),
		cmocka_unit_test(header_lists_are_read_leniently),
		cmocka_unit_test(what_would_be_skipped_is_an_error_where_it_matters),
		cmocka_unit_test(a_huge_list_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
