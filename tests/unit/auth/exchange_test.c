/* The dialogue of SASL (auth/exchange.c), as every protocol has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/auth/exchange.h"

static int setup(void **state)
{
	static struct exchange x;

	exchange_init(&x);
	*state = &x;
	return 0;
}

static int teardown(void **state)
{
	exchange_clear(*state);
	return 0;
}

static bool is(struct span a, const char *b)
{
	return span_equals(a, span_str(b));
}

static void mechanisms_are_there_where_they_are_offered(void **state)
{
	struct exchange *x = *state;

	assert_true(exchange_begin(x, SPAN("plain"), false, false));
	assert_false(exchange_begin(x, SPAN("LOGIN"), true, false));
	assert_true(exchange_begin(x, SPAN("LOGIN"), false, true));
	assert_false(exchange_begin(x, SPAN("SCRAM-SHA-256-PLUS"), false, true));
	assert_true(exchange_begin(x, SPAN("scram-sha-256-plus"), true, true));
	assert_true(exchange_is_scram(x));
	assert_false(exchange_begin(x, SPAN("CRAM-MD5"), true, true));
	assert_false(exchange_begin(x, SPAN(""), true, true));
}

static void plain_asks_for_one_password(void **state)
{
	struct exchange *x = *state;

	assert_true(exchange_begin(x, SPAN("PLAIN"), false, false));
	assert_int_equal(exchange_start(x, false, SPAN("")), EXCHANGE_CHALLENGE);
	assert_true(is(buf_span(&x->text), ""));
	assert_int_equal(exchange_response(x, SPAN("AGJvYgBzZWNyZXQ=")), EXCHANGE_ASK_PASSWORD);
	assert_true(is(x->login, "bob") && is(x->password, "secret"));
	assert_true(exchange_begin(x, SPAN("PLAIN"), false, false));
	assert_int_equal(x->login.len, 0);
	assert_int_equal(exchange_start(x, true, SPAN("AGJvYgBzZWNyZXQ=")), EXCHANGE_ASK_PASSWORD);
	assert_true(exchange_begin(x, SPAN("PLAIN"), false, false));
	assert_int_equal(exchange_start(x, true, SPAN("=")), EXCHANGE_MALFORMED);
	assert_true(exchange_begin(x, SPAN("PLAIN"), false, false));
	assert_int_equal(exchange_start(x, true, SPAN("YW5uAGJvYgBzZWNyZXQ=")), EXCHANGE_DENIED);
	assert_true(exchange_begin(x, SPAN("PLAIN"), false, false));
	assert_int_equal(exchange_start(x, true, SPAN("no base64")), EXCHANGE_MALFORMED);
}

static void login_asks_twice(void **state)
{
	struct exchange *x = *state;

	assert_true(exchange_begin(x, SPAN("LOGIN"), false, true));
	assert_int_equal(exchange_start(x, false, SPAN("")), EXCHANGE_CHALLENGE);
	assert_true(is(buf_span(&x->text), "VXNlcm5hbWU6"));
	assert_int_equal(exchange_response(x, SPAN("Ym9i")), EXCHANGE_CHALLENGE);
	assert_true(is(buf_span(&x->text), "UGFzc3dvcmQ6"));
	assert_int_equal(exchange_response(x, SPAN("c2VjcmV0")), EXCHANGE_ASK_PASSWORD);
	assert_true(is(x->login, "bob") && is(x->password, "secret"));
}

static void scram_passes_after_an_empty_response_only(void **state)
{
	struct exchange *x = *state;

	assert_true(exchange_begin(x, SPAN("SCRAM-SHA-256"), false, false));
	assert_int_equal(exchange_start(x, false, SPAN("")), EXCHANGE_CHALLENGE);
	assert_int_equal(exchange_response(x, SPAN("YQ==")), EXCHANGE_ASK_SCRAM_FIRST);
	assert_true(is(buf_span(&x->message), "a"));
	assert_int_equal(exchange_says(x, SPAN("b"), 7, 8), EXCHANGE_CHALLENGE);
	assert_true(is(buf_span(&x->text), "Yg==") && x->account_id == 0);
	assert_int_equal(exchange_response(x, SPAN("Yw==")), EXCHANGE_ASK_SCRAM_FINAL);
	assert_true(is(buf_span(&x->message), "c"));
	assert_int_equal(exchange_says(x, SPAN("d"), 7, 8), EXCHANGE_CHALLENGE);
	assert_int_equal(exchange_response(x, SPAN("")), EXCHANGE_PASSED);
	assert_true(x->account_id == 7 && x->credential == 8);
	exchange_clear(x);
	assert_int_equal(x->account_id, 0);
}

static void scram_with_words_at_the_end_is_malformed(void **state)
{
	struct exchange *x = *state;

	assert_true(exchange_begin(x, SPAN("SCRAM-SHA-256"), false, false));
	assert_int_equal(exchange_start(x, true, SPAN("YQ==")), EXCHANGE_ASK_SCRAM_FIRST);
	assert_int_equal(exchange_says(x, SPAN("b"), 0, 0), EXCHANGE_CHALLENGE);
	assert_int_equal(exchange_response(x, SPAN("Yw==")), EXCHANGE_ASK_SCRAM_FINAL);
	assert_int_equal(exchange_says(x, SPAN("d"), 7, 8), EXCHANGE_CHALLENGE);
	assert_int_equal(exchange_response(x, SPAN("Yw==")), EXCHANGE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mechanisms_are_there_where_they_are_offered, setup, teardown),
		cmocka_unit_test_setup_teardown(plain_asks_for_one_password, setup, teardown),
		cmocka_unit_test_setup_teardown(login_asks_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(scram_passes_after_an_empty_response_only, setup, teardown),
		cmocka_unit_test_setup_teardown(scram_with_words_at_the_end_is_malformed, setup, teardown),
	};

	return cmocka_run_group_tests_name("auth/exchange", tests, NULL, NULL);
}
