/* The parameters of MAIL and RCPT as values, and each way to be none. The replies they lead to are in the transcripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/smtp/limits.h"
#include "daemon/smtp/parse.h"

static enum err mail(const char *rest, struct arena *a, struct smtp_mail *out)
{
	union smtp_args args;
	enum err e = smtp_parse_mail(span_str(rest), a, &args);

	*out = args.mail;
	return e;
}

static enum err rcpt(const char *rest, struct arena *a, struct smtp_rcpt *out)
{
	union smtp_args args;
	enum err e = smtp_parse_rcpt(span_str(rest), a, &args);

	*out = args.rcpt;
	return e;
}

static void all_of_them_at_once(void **state)
{
	struct smtp_mail m;
	struct smtp_rcpt r;
	struct arena a;

	(void)state;
	arena_init(&a, SMTP_COMMAND_MAX);
	assert_int_equal(mail("FROM:<a@b.example>  size=18446744073709551615 Body=BinaryMime SMTPUTF8 AUTH=a@b.example RET=HDRS ENVID=x+2By REQUIRETLS HOLDFOR=999999999 "
			      "MT-PRIORITY=-9 BY=-999999999;NT",
			      &a, &m),
			 ERR_OK);
	assert_true(m.size == UINT64_MAX && m.utf8 && m.body_binary && !m.body_8bit && m.require_tls && m.of_submission && m.has_priority && !m.has_8bit);
	assert_int_equal(m.ret, RETURN_HEADERS);
	assert_true(span_equals(m.envid, SPAN("x+2By")));
	assert_int_equal(m.hold_for_s, 999999999);
	assert_int_equal(m.priority, -9);
	assert_int_equal(m.by_s, -999999999);
	assert_int_equal(m.by, BY_NOTIFY | BY_TRACE);
	assert_int_equal(rcpt("TO:<a@b.example> ORCPT=X400;a+20b notify=delay,Success", &a, &r), ERR_OK);
	assert_int_equal(r.notify, NOTIFY_DELAY | NOTIFY_SUCCESS);
	assert_true(span_equals(r.orcpt, SPAN("X400;a+20b")));
	arena_clear(&a);
}

static void nothing_said_is_nothing_asked(void **state)
{
	struct smtp_mail m;
	struct smtp_rcpt r;
	struct arena a;

	(void)state;
	arena_init(&a, SMTP_COMMAND_MAX);
	assert_int_equal(mail("FROM:<>", &a, &m), ERR_OK);
	assert_true(m.size == 0 && !m.utf8 && !m.body_8bit && !m.body_binary && !m.require_tls && !m.of_submission && m.by == 0 && m.envid.len == 0);
	assert_int_equal(m.ret, RETURN_UNSAID);
	assert_int_equal(rcpt("TO:<a@b.example>", &a, &r), ERR_OK);
	assert_true(r.notify == 0 && r.orcpt.len == 0 && !r.has_8bit);
	arena_clear(&a);
}

static void times_are_read_with_their_offsets(void **state)
{
	struct smtp_mail m;
	struct arena a;

	(void)state;
	arena_init(&a, SMTP_COMMAND_MAX);
	assert_int_equal(mail("FROM:<> HOLDUNTIL=2026-01-01T01:00:00+01:00", &a, &m), ERR_OK);
	assert_true(m.hold_until_ms == 1767225600000 && m.of_submission);
	assert_int_equal(mail("FROM:<> BY=+5;R", &a, &m), ERR_OK);
	assert_true(m.by_s == 5 && m.by == BY_RETURN);
	arena_clear(&a);
}

static void eight_bits_are_noted(void **state)
{
	struct smtp_mail m;
	struct smtp_rcpt r;
	struct arena a;

	(void)state;
	arena_init(&a, SMTP_COMMAND_MAX);
	assert_int_equal(mail("FROM:<\xc3\xbc@b.example>", &a, &m), ERR_OK);
	assert_true(m.has_8bit);
	assert_int_equal(rcpt("TO:<a@b.example> ORCPT=utf-8;\xc3\xbc@b", &a, &r), ERR_OK);
	assert_true(r.has_8bit);
	assert_int_equal(rcpt("TO:<\xc3@b.example>", &a, &r), ERR_SYNTAX);
	arena_clear(&a);
}

static void a_bad_value_is_no_unknown_keyword(void **state)
{
	static const struct {
		const char *rest;
		enum err e;
	} bad[] = {
		{ "FROM:<> X=1", ERR_DENIED },
		{ "FROM:<> NOTIFY=NEVER", ERR_DENIED },
		{ "FROM:<> SIZ=1", ERR_DENIED },
		{ "FROM:<> =", ERR_DENIED },
		{ "FROM:<> SIZE", ERR_STATE },
		{ "FROM:<> SIZE=1x", ERR_STATE },
		{ "FROM:<> SIZE=18446744073709551616", ERR_LIMIT },
		{ "FROM:<> BODY=8BIT", ERR_STATE },
		{ "FROM:<> BODY=7BIT BODY=7BIT", ERR_STATE },
		{ "FROM:<> SMTPUTF8=", ERR_STATE },
		{ "FROM:<> HOLDFOR=01", ERR_STATE },
		{ "FROM:<> HOLDFOR=1;z", ERR_STATE },
		{ "FROM:<> HOLDUNTIL=2026-13-01T00:00:00Z", ERR_STATE },
		{ "FROM:<> HOLDUNTIL=2026-01-01", ERR_STATE },
		{ "FROM:<> BY=;N", ERR_STATE },
		{ "FROM:<> BY=+;N", ERR_STATE },
		{ "FROM:<> BY=1;N;T", ERR_STATE },
		{ "FROM:<>SIZE=1", ERR_SYNTAX },
		{ "FROM:<postmaster>", ERR_SYNTAX },
	};
	struct smtp_mail m;
	struct arena a;

	(void)state;
	arena_init(&a, SMTP_COMMAND_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(mail(bad[i].rest, &a, &m), bad[i].e);
	arena_clear(&a);
}

static void vrfy_has_a_parameter_of_its_own(void **state)
{
	union smtp_args args;
	struct arena a;

	(void)state;
	arena_init(&a, SMTP_COMMAND_MAX);
	assert_int_equal(smtp_parse_vrfy(SPAN("\xc3\xbc smtputf8"), &a, &args), ERR_OK);
	assert_true(args.vrfy.utf8 && span_equals(args.vrfy.text, SPAN("\xc3\xbc")));
	assert_int_equal(smtp_parse_vrfy(SPAN("SMTPUTF8"), &a, &args), ERR_OK);
	assert_true(!args.vrfy.utf8 && span_equals(args.vrfy.text, SPAN("SMTPUTF8")));
	assert_int_equal(smtp_parse_vrfy(SPAN(""), &a, &args), ERR_SYNTAX);
	arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_them_at_once),
		cmocka_unit_test(nothing_said_is_nothing_asked),
		cmocka_unit_test(times_are_read_with_their_offsets),
		cmocka_unit_test(eight_bits_are_noted),
		cmocka_unit_test(a_bad_value_is_no_unknown_keyword),
		cmocka_unit_test(vrfy_has_a_parameter_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
