/* auth/totp.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "daemon/auth/totp.h"
#include "db/control_totp.h"
#include "tests/unit/auth/place.h"

static const struct span rfc_secret = { "12345678901234567890", 20 };

static enum err begin_with_sealed(struct db *db, void *arg)
{
	return db_totp_begin(db, ((const struct place *)((void **)arg)[0])->bob, buf_span(((void **)arg)[1]), 1);
}

/* A secret that is known, waiting for its confirmation. */
static void plant(struct place *p, struct span secret)
{
	struct buf context, sealed;
	void *arg[] = { p, &sealed };

	buf_init(&context, 40);
	buf_init(&sealed, 200);
	buf_addf(&context, "totp:%llu", (unsigned long long)p->bob);
	assert_int_equal(directory_seal(p->d, buf_span(&context), secret, &sealed), ERR_OK);
	assert_int_equal(directory_write(p->d, begin_with_sealed, arg, NULL), ERR_OK);
	buf_clear(&context);
	buf_clear(&sealed);
}

static struct totp_result confirm(struct place *p, const char *code, struct buf *recovery)
{
	struct totp_result r;

	buf_init(recovery, 1000);
	assert_int_equal(totp_confirm(p->auth, p->bob, span_str(code), recovery, &r), ERR_OK);
	return r;
}

static struct totp_result check(struct place *p, const char *code)
{
	struct totp_result r;

	assert_int_equal(totp_check(p->auth, p->bob, &p->peer, span_str(code), &r), ERR_OK);
	return r;
}

static enum totp_verdict verdict(struct place *p, struct place_code code)
{
	return check(p, code.text).verdict;
}

/* On, with the code of a minute ago used up; the recovery codes. */
static void turn_on(struct place *p, struct buf *recovery)
{
	plant(p, rfc_secret);
	assert_int_equal(confirm(p, place_code(rfc_secret, clock_real_ms()).text, recovery).verdict, TOTP_OK);
	clock_fake_advance_ms(60000);
}

/* RFC 6238 appendix B; of eight digits the last six. */
static void the_codes_are_those_of_rfc_6238(void **state)
{
	static const struct {
		int64_t seconds;
		const char *code;
	} vectors[] = {
		{ 59, "287082" },
		{ 1111111109, "081804" },
		{ 1111111111, "050471" },
		{ 1234567890, "005924" },
		{ 2000000000, "279037" },
		{ 20000000000, "353130" },
	};
	struct place *p = *state;
	struct buf recovery;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		clock_fake_set_real_ms(vectors[i].seconds * 1000);
		plant(p, rfc_secret);
		assert_int_equal(confirm(p, vectors[i].code, &recovery).verdict, TOTP_OK);
		buf_clear(&recovery);
		assert_int_equal(totp_remove(p->auth, p->bob), ERR_OK);
	}
}

static void a_new_secret_is_on_after_its_first_code(void **state)
{
	struct place *p = *state;
	struct buf secret, uri, recovery, second;
	unsigned left;
	bool on;

	buf_init(&secret, 100);
	buf_init(&uri, 500);
	buf_init(&second, 500);
	assert_int_equal(check(p, "000000").verdict, TOTP_OFF);
	assert_int_equal(totp_begin(p->auth, p->bob, &secret, &uri), ERR_OK);
	assert_true(span_starts(buf_span(&uri), SPAN("otpauth://totp/mail.example.test:bob@example.test?secret=")));
	assert_int_equal(totp_state(p->auth, p->bob, &on, &left), ERR_OK);
	assert_false(on);
	assert_int_equal(check(p, place_code_of_text(buf_span(&secret), clock_real_ms()).text).verdict, TOTP_OFF);
	/* Another one takes its place. */
	buf_reset(&uri);
	assert_int_equal(totp_begin(p->auth, p->bob, &second, &uri), ERR_OK);
	assert_int_equal(confirm(p, place_code_of_text(buf_span(&second), clock_real_ms() - 3600000).text, &recovery).verdict, TOTP_OTHER_TIME);
	buf_clear(&recovery);
	assert_int_equal(confirm(p, place_code_of_text(buf_span(&second), clock_real_ms()).text, &recovery).verdict, TOTP_OK);
	assert_int_equal(recovery.len, TOTP_RECOVERY_CODES * 12);
	assert_int_equal(totp_state(p->auth, p->bob, &on, &left), ERR_OK);
	assert_true(on);
	assert_int_equal(left, TOTP_RECOVERY_CODES);
	assert_int_equal(totp_begin(p->auth, p->bob, &secret, &uri), ERR_EXISTS);
	buf_clear(&secret);
	buf_clear(&uri);
	buf_clear(&second);
	buf_clear(&recovery);
}

static void a_code_opens_once_also_after_a_restart(void **state)
{
	struct place *p = *state;
	struct buf recovery;
	struct place_code now, before, next;

	turn_on(p, &recovery);
	now = place_code(rfc_secret, clock_real_ms());
	before = place_code(rfc_secret, clock_real_ms() - 30000);
	next = place_code(rfc_secret, clock_real_ms() + 30000);
	assert_int_equal(verdict(p, now), TOTP_OK);
	assert_int_equal(verdict(p, now), TOTP_USED);
	assert_int_equal(verdict(p, before), TOTP_USED); /* older than the last one */
	place_restart(p);
	assert_int_equal(verdict(p, now), TOTP_USED);
	assert_int_equal(verdict(p, next), TOTP_OK); /* a clock that is a little ahead */
	assert_int_equal(verdict(p, next), TOTP_USED);
	clock_fake_advance_ms(60000);
	assert_int_equal(check(p, " 12 34-5").verdict, TOTP_WRONG);
	now = place_code(rfc_secret, clock_real_ms());
	(void)snprintf(recovery.ptr, recovery.cap, "%.3s %.3s", now.text, now.text + 3);
	assert_int_equal(check(p, recovery.ptr).verdict, TOTP_OK);
	buf_clear(&recovery);
}

static void a_wrong_clock_is_told_but_what_was_told_never_opens(void **state)
{
	struct place *p = *state;
	struct buf recovery;
	struct totp_result r;
	struct place_code ahead;

	turn_on(p, &recovery);
	ahead = place_code(rfc_secret, clock_real_ms() + 600000);
	r = check(p, ahead.text);
	assert_int_equal(r.verdict, TOTP_OTHER_TIME);
	assert_int_equal(r.skew_s, 600);
	assert_true(r.delay_ms > 0);
	r = check(p, place_code(rfc_secret, clock_real_ms() - 7200000).text);
	assert_int_equal(r.verdict, TOTP_OTHER_TIME);
	assert_int_equal(r.skew_s, -7200);
	assert_int_equal(verdict(p, place_code(rfc_secret, clock_real_ms() + 25 * 3600000)), TOTP_WRONG);
	place_restart(p);
	clock_fake_advance_ms(600000);
	assert_int_equal(verdict(p, ahead), TOTP_USED);
	clock_fake_advance_ms(30000);
	assert_int_equal(verdict(p, place_code(rfc_secret, clock_real_ms())), TOTP_OK);
	buf_clear(&recovery);
}

static void a_recovery_code_opens_once(void **state)
{
	struct place *p = *state;
	struct buf recovery, fresh;
	struct span rest, first, second;
	char typed[20];
	unsigned left;
	bool on;

	turn_on(p, &recovery);
	rest = buf_span(&recovery);
	assert_true(span_split(&rest, '\n', &first));
	assert_true(span_split(&rest, '\n', &second));
	assert_int_equal(first.len, 11);
	(void)snprintf(typed, sizeof(typed), "%.*s", (int)first.len, first.ptr);
	assert_int_equal(check(p, typed).verdict, TOTP_OK);
	assert_int_equal(check(p, typed).verdict, TOTP_WRONG);
	assert_int_equal(totp_state(p->auth, p->bob, &on, &left), ERR_OK);
	assert_int_equal(left, TOTP_RECOVERY_CODES - 1);
	/* As people type them. */
	(void)snprintf(typed, sizeof(typed), " %.5s %.5s ", second.ptr, second.ptr + 6);
	for (char *c = typed; *c; c++)
		*c = ascii_upper(*c);
	place_restart(p);
	assert_int_equal(check(p, typed).verdict, TOTP_OK);
	assert_true(span_split(&rest, '\n', &first));
	(void)snprintf(typed, sizeof(typed), "%.*s", (int)first.len, first.ptr);
	buf_init(&fresh, 1000);
	assert_int_equal(totp_new_recovery_codes(p->auth, p->bob, &fresh), ERR_OK);
	assert_int_equal(check(p, typed).verdict, TOTP_WRONG);
	(void)snprintf(typed, sizeof(typed), "%.11s", fresh.ptr);
	assert_int_equal(check(p, typed).verdict, TOTP_OK);
	buf_clear(&recovery);
	buf_clear(&fresh);
}

static void nothing_is_left_after_it_is_turned_off(void **state)
{
	struct place *p = *state;
	struct buf recovery;
	unsigned left;
	bool on;

	turn_on(p, &recovery);
	assert_int_equal(totp_remove(p->auth, p->bob), ERR_OK);
	assert_int_equal(totp_remove(p->auth, p->bob), ERR_NOT_FOUND);
	assert_int_equal(totp_state(p->auth, p->bob, &on, &left), ERR_OK);
	assert_false(on);
	assert_int_equal(left, 0);
	recovery.ptr[11] = '\0';
	assert_int_equal(check(p, recovery.ptr).verdict, TOTP_OFF);
	buf_clear(&recovery);
	buf_init(&recovery, 1000);
	assert_int_equal(totp_new_recovery_codes(p->auth, p->bob, &recovery), ERR_NOT_FOUND);
	buf_clear(&recovery);
}

static void who_guesses_codes_is_refused(void **state)
{
	struct place *p = *state;
	struct buf recovery;
	struct totp_result r = { .verdict = TOTP_WRONG };
	char code[7];
	int tries = 0;

	turn_on(p, &recovery);
	while (r.verdict != TOTP_REFUSED && tries < 200) {
		(void)snprintf(code, sizeof(code), "%06d", tries++ * 4973 % 1000000);
		r = check(p, code);
	}
	assert_int_equal(r.verdict, TOTP_REFUSED);
	assert_true(r.retry_after_ms > 0);
	assert_true(tries < 100);
	assert_int_equal(verdict(p, place_code(rfc_secret, clock_real_ms())), TOTP_REFUSED);
	buf_clear(&recovery);
}

static void a_change_in_a_batch_is_undone_with_it(void **state)
{
	struct place *p = *state;
	struct buf recovery;
	unsigned left;
	bool on;

	plant(p, rfc_secret);
	assert_int_equal(directory_begin(p->d, NULL), ERR_OK);
	assert_int_equal(confirm(p, place_code(rfc_secret, clock_real_ms()).text, &recovery).verdict, TOTP_OK);
	directory_end(p->d);
	assert_int_equal(totp_state(p->auth, p->bob, &on, &left), ERR_OK);
	assert_false(on);
	assert_int_equal(left, 0);
	buf_clear(&recovery);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_begin, place_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_PLACE(the_codes_are_those_of_rfc_6238),
		IN_A_PLACE(a_new_secret_is_on_after_its_first_code),
		IN_A_PLACE(a_code_opens_once_also_after_a_restart),
		IN_A_PLACE(a_wrong_clock_is_told_but_what_was_told_never_opens),
		IN_A_PLACE(a_recovery_code_opens_once),
		IN_A_PLACE(nothing_is_left_after_it_is_turned_off),
		IN_A_PLACE(who_guesses_codes_is_refused),
		IN_A_PLACE(a_change_in_a_batch_is_undone_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
