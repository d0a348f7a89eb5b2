/* What the extensions of a server change in the dialogue, against servers that follow a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/relay/limits.h"
#include "tests/unit/relay/attempt.h"
#include "tests/unit/relay/fake_dns.h"
#include "tests/unit/relay/fake_server.h"

#define OFFERS(...) "> 220 fake", "< EHLO mail.example.org", "> 250-fake", __VA_ARGS__, "> 250 HELP"
#define TO_A "< RCPT TO:<a@d.example>", "> 250 ok"
#define BY_DATA "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT"

/* ---- DSN, priority, time, limits ---- */

static void what_the_sender_wants_to_hear_goes_to_a_server_that_tells_it(void **state)
{
	(void)state;
	attempt.job.envid = SPAN("QQ314159");
	attempt.job.ret = 'F';
	attempt.recipients[0].notify = 2 | 4;
	attempt.recipients[0].orcpt = SPAN("rfc822;a+2B@d.example");
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-DSN"), "< MAIL FROM:<me@example.org> RET=FULL ENVID=QQ314159", "> 250 ok", "< RCPT TO:<a@d.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2B@d.example", "> 250 ok", BY_DATA)), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	assert_true(attempt.recipients[0].passed_on);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL FROM:<me@example.org>", "> 250 ok", TO_A, BY_DATA)), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	assert_false(attempt.recipients[0].passed_on);
	attempt.job.ret = 'H';
	attempt.recipients[0].notify = 1;
	attempt.recipients[0].orcpt = SPAN("utf-8;\xc3\xbc\xe2\x82\xac@d.example");
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-DSN"), "< MAIL FROM:<me@example.org> RET=HDRS ENVID=QQ314159", "> 250 ok", "< RCPT TO:<a@d.example> NOTIFY=NEVER ORCPT=utf-8;\\x{FC}\\x{20AC}@d.example", "> 250 ok", BY_DATA)), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void priority_goes_to_a_server_that_has_some(void **state)
{
	(void)state;
	attempt.job.priority = -3;
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-MT-PRIORITY MIXER"), "< MAIL FROM:<me@example.org> MT-PRIORITY=-3", "> 250 ok", TO_A, BY_DATA)), STUFFED);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL FROM:<me@example.org>", "> 250 ok", TO_A, BY_DATA)), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void what_is_left_of_the_time_goes_with_the_message(void **state)
{
	(void)state;
	attempt_set_clock(&clock_fake);
	attempt.job.deliver_by_ms = clock_real_ms() + 120000;
	attempt.job.deliver_by = 1 | 4;
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-DELIVERBY 100"), "< MAIL FROM:<me@example.org> BY=120;RT", "> 250 ok", TO_A, BY_DATA)), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-DELIVERBY 240"), "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.4.7", NULL, false);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.3.3", NULL, false);
	attempt.job.deliver_by = 2;
	attempt.job.deliver_by_ms = clock_real_ms() - 5000;
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-DELIVERBY"), "< MAIL FROM:<me@example.org> BY=-5;N", "> 250 ok", TO_A, BY_DATA)), STUFFED);
	assert_false(attempt.recipients[0].by_lost);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL FROM:<me@example.org>", "> 250 ok", TO_A, BY_DATA)), STUFFED);
	assert_true(attempt.recipients[0].by_lost);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_set_clock(NULL);
}

static void limits_make_more_transactions_of_one_message(void **state)
{
	(void)state;
	attempt.job.recipient_count = 3;
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-LIMITS RCPTMAX=2 MAILMAX=9"), "< MAIL", "> 250 ok", "< RCPT TO:<a@", "> 250 ok", "< RCPT TO:<b@", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 one", "< MAIL", "> 250 ok", "< RCPT TO:<c@", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 two", "< QUIT")),
		     STUFFED STUFFED);
	attempt_assert(1, RELAY_DELIVERED, "2.0.0", "250 one", true);
	attempt_assert(2, RELAY_DELIVERED, "2.0.0", "250 two", true);
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-LIMITS RCPTMAX=2 MAILMAX=1"), "< MAIL", "> 250 ok", "< RCPT TO:<a@", "> 250 ok", "< RCPT TO:<b@", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 one", "< QUIT")), STUFFED);
	attempt_assert(2, RELAY_RETRY, "4.5.3", NULL, false);
	attempt.recipients[1].address = SPAN("b@other.example");
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-LIMITS RCPTDOMAINMAX=1"), "< MAIL", "> 250 ok", "< RCPT TO:<a@", "> 250 ok", "< RCPT TO:<c@", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 one", "< MAIL", "> 250 ok", "< RCPT TO:<b@", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 two", "< QUIT")),
		     STUFFED STUFFED);
	attempt_assert(1, RELAY_DELIVERED, "2.0.0", "250 two", true);
}

static void recipients_past_the_first_transaction_follow_in_the_next(void **state)
{
	(void)state;
	attempt.job.recipient_count = 3;
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT TO:<a@", "> 250 ok", "< RCPT TO:<b@", "> 452 4.5.3 enough", "< RCPT TO:<c@", "> 552 too many", "< DATA", "> 354 go", "data", "> 250 one", "< MAIL", "> 250 ok", "< RCPT TO:<b@", "> 250 ok", "< RCPT TO:<c@", "> 250 ok", "< DATA",
				    "> 354 go", "data", "> 250 two", "< QUIT")),
		     STUFFED STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 one", true);
	attempt_assert(2, RELAY_DELIVERED, "2.0.0", "250 two", true);
	/* One that is alone means itself. */
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT TO:<a@", "> 550 5.1.1 no", "< RCPT TO:<b@", "> 452 4.2.2 full", "< RCPT TO:<c@", "> 552 full", "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.1.1", NULL, true);
	attempt_assert(1, RELAY_RETRY, "4.2.2", NULL, true);
	attempt_assert(2, RELAY_RETRY, "4.5.3", "552 full", true);
}

static void when_all_of_a_transaction_are_refused_the_others_are_still_asked(void **state)
{
	(void)state;
	attempt.job.recipient_count = 2;
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-LIMITS RCPTMAX=1"), "< MAIL", "> 250 ok", "< RCPT TO:<a@", "> 550 5.1.1 no", "< RSET", "> 250 ok", "< MAIL", "> 250 ok", "< RCPT TO:<b@", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	attempt_assert(0, RELAY_FAILED, "5.1.1", NULL, true);
	attempt_assert(1, RELAY_DELIVERED, "2.0.0", NULL, true);
}

/* ---- BDAT ---- */

static void chunks_carry_the_message_as_it_is(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_CHUNKS, "< MAIL FROM:<me@example.org>", "< RCPT", "> 250 ok", "> 250 ok", "< BDAT 29 LAST", "< Subject: x", "< ", "< .", "< ..two", "< end", "> 250 2.6.0 kept", "< QUIT")), "");
	attempt_assert(0, RELAY_DELIVERED, "2.6.0", "250 2.6.0 kept", true);
	attempt.message = SPAN("Subject: x\r\n\r\nno line end");
	attempt_once(SCRIPTS(SCRIPT(EHLO_CHUNKS, "< MAIL", "< RCPT", "> 250 ok", "> 250 ok", "chunk", "> 250 kept", "< QUIT")), "Subject: x\r\n\r\nno line end\r\n");
}

static char *long_message(size_t size)
{
	char *text = malloc(size + 1);

	for (size_t i = 0; i < size; i += 8)
		memcpy(text + i, "123456\r\n", 8);
	memcpy(text, "S: x\r\n\r\n", 8);
	text[size] = '\0';
	return text;
}

static void a_large_message_goes_in_chunks_of_which_the_last_has_bytes(void **state)
{
	char *text = long_message(2 * RELAY_CHUNK);

	(void)state;
	attempt.message = span_str(text);
	attempt_once(SCRIPTS(SCRIPT(EHLO_CHUNKS, "< MAIL", "< RCPT", "> 250 ok", "> 250 ok", "chunk", "> 250 more", "chunk", "> 250 kept", "< QUIT")), text);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	free(text);
}

static void a_refused_chunk_ends_the_message_without_its_end(void **state)
{
	char *text = long_message(3 * RELAY_CHUNK), *sent = long_message(2 * RELAY_CHUNK);

	(void)state;
	attempt.message = span_str(text);
	attempt_once(SCRIPTS(SCRIPT(EHLO_CHUNKS, "< MAIL", "< RCPT", "> 250 ok", "> 250 ok", "chunk", "> 552 5.3.4 too large", "chunk", "wait")), sent);
	attempt_assert(0, RELAY_FAILED, "5.3.4", NULL, true);
	free(text);
	free(sent);
}

static void nothing_is_sent_in_chunks_before_somebody_was_accepted(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_CHUNKS, "< MAIL", "< RCPT", "> 250 ok", "> 550 5.1.1 no", "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.1.1", NULL, true);
}

static void who_offers_chunks_and_knows_none_gets_data(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_CHUNKS, "< MAIL", "< RCPT", "> 250 ok", "> 250 ok", "chunk", "> 502 5.5.1 what"), SCRIPT(EHLO_CHUNKS, "< MAIL", "< RCPT", "< DATA", "> 250 ok", "> 250 ok", "> 354 go", "data", "> 250 kept", "< QUIT")), UNSTUFFED STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

/* ---- binary and 8-bit ---- */

#define BINARY "Content-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\na\n.\r\nb\rc"

static void binary_goes_as_it_is_to_who_takes_it_and_encoded_to_others(void **state)
{
	(void)state;
	attempt.message = SPAN(BINARY);
	attempt.job.body_binary = true;
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-CHUNKING", "> 250-BINARYMIME"), "< MAIL FROM:<me@example.org> BODY=BINARYMIME", "> 250 ok", TO_A, "chunk", "> 250 kept", "< QUIT")), BINARY);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-8BITMIME"), "< MAIL FROM:<me@example.org> BODY=8BITMIME", "> 250 ok", TO_A, BY_DATA)),
		     "Content-Type: application/x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nYQouDQpiDWM=\r\n");
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL FROM:<me@example.org>", "> 250 ok", TO_A, BY_DATA)), "Content-Type: application/x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nYQouDQpiDWM=\r\n");
	/* BINARYMIME without CHUNKING is none (RFC 3030 section 3). */
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-BINARYMIME"), "< MAIL FROM:<me@example.org>", "> 250 ok", TO_A, BY_DATA)), "Content-Type: application/x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nYQouDQpiDWM=\r\n");
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

/* RFC 6152 section 3 */
static void eight_bit_text_is_encoded_for_a_server_that_does_not_offer_8bitmime(void **state)
{
	(void)state;
	attempt.job.body_8bit = true;
	attempt.message = SPAN("Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nan \xc3\xa4 here and more\r\n");
	attempt_once(SCRIPTS(SCRIPT(OFFERS("> 250-SIZE"), "< MAIL FROM:<me@example.org> SIZE=144", "> 250 ok", TO_A, BY_DATA)),
		     "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nan =C3=A4 here and more\r\n");
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void what_cannot_be_encoded_is_bounced(void **state)
{
	(void)state;
	attempt.message = SPAN("Subject: \xc3\xa4\r\n\r\nx\r\n");
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.6.3", NULL, false);
}

/* ---- TLS and refusals ---- */

#define INSIDE_TLS(...) EHLO_TLS, "> 220 go", "tls", "< EHLO mail.example.org", "> 250-fake", __VA_ARGS__, "> 250 HELP"

static void required_tls_on_the_whole_way_needs_a_server_that_promises_it(void **state)
{
	(void)state;
	attempt_trust();
	attempt.job.require_tls = true;
	attempt_once(SCRIPTS(SCRIPT(INSIDE_TLS("> 250-REQUIRETLS"), "< MAIL FROM:<me@example.org> REQUIRETLS", "> 250 ok", TO_A, BY_DATA)), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_once(SCRIPTS(SCRIPT(INSIDE_TLS("> 250-SIZE"), "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.7.30", NULL, false);
	/* What was offered before TLS is forgotten inside it. */
	attempt_once(SCRIPTS(SCRIPT("> 220 fake", "< EHLO", "> 250-fake", "> 250-REQUIRETLS", "> 250 STARTTLS", "< STARTTLS", "> 220 go", "tls", "< EHLO", "> 250 fake", "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.7.30", NULL, false);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< QUIT")), "");
	attempt_assert(0, RELAY_RETRY, "4.7.4", NULL, false);
}

static void a_server_whose_certificate_is_trusted_gets_the_password(void **state)
{
	(void)state;
	attempt_trust();
	attempt.via.user = SPAN("u");
	attempt.via.password = SPAN("p");
	attempt_once(SCRIPTS(SCRIPT(INSIDE_TLS("> 250-AUTH PLAIN"), "< AUTH PLAIN AHUAcA==", "> 235 ok", TAKES, "< QUIT")), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void a_host_that_takes_no_mail_says_so_for_good(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT("> 521 5.3.2 no mail here", "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.3.2", "521 5.3.2 no mail here", true);
	attempt_once(SCRIPTS(SCRIPT("> 220 x", "< EHLO", "> 521 no mail here", "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.0.0", "521 no mail here", true);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 556 5.1.10 the domain takes none", "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.1.10", NULL, true);
}

/* ---- answers that nobody asked for ---- */

static void an_answer_before_its_question_is_not_believed(void **state)
{
	(void)state;
	/* Behind the greeting, behind EHLO, behind RCPT. */
	attempt_once(SCRIPTS(SCRIPT(">! 220 x\r\n250 y\r\n", "wait")), "");
	attempt_assert(0, RELAY_RETRY, "4.5.0", NULL, false);
	attempt_once(SCRIPTS(SCRIPT("> 220 x", "< EHLO", ">! 250 x\r\n250 y\r\n", "wait")), "");
	attempt_assert(0, RELAY_RETRY, "4.5.0", NULL, false);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", ">! 250 ok\r\n354 go\r\n", "wait")), "");
	attempt_assert(0, RELAY_RETRY, "4.5.0", NULL, false);
	/* The answer to the end of the message, before it was sent. */
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", ">! 354 go\r\n250 kept\r\n", "wait")), "");
	attempt_assert(0, RELAY_RETRY, "4.5.0", NULL, false);
	attempt_once(SCRIPTS(SCRIPT(EHLO_CHUNKS, "< MAIL", "< RCPT", ">! 250 ok\r\n250 ok\r\n250 kept\r\n", "wait")), "");
	attempt_assert(0, RELAY_RETRY, "4.5.0", NULL, false);
}

static void a_refusal_before_the_end_of_the_message_is_one(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", ">! 354 go\r\n554 5.7.1 not you\r\n", "wait")), "");
	attempt_assert(0, RELAY_FAILED, "5.7.1", NULL, true);
}

/* ---- where from ---- */

static void mail_leaves_from_the_address_that_it_is_to_leave_from(void **state)
{
	struct net_addr source;

	(void)state;
	assert_int_equal(net_ip_parse(SPAN("127.0.0.9"), &attempt.job.source4), ERR_OK);
	attempt.job.helo = SPAN("");
	attempt_once(SCRIPTS(SCRIPT("> 220 x", "< EHLO [127.0.0.9]", "> 250 x", TAKES, "< QUIT")), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", NULL, true);
	/* One that is not ours: nothing goes from another. */
	assert_int_equal(net_ip_parse(SPAN("192.0.2.1"), &source), ERR_OK);
	attempt.job.source4 = source;
	attempt.via.port = 9;
	relay_attempt(attempt.relay, &attempt.job);
	attempt_assert(0, RELAY_RETRY, "4.4.1", NULL, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ATTEMPT_TEST(what_the_sender_wants_to_hear_goes_to_a_server_that_tells_it),
		ATTEMPT_TEST(priority_goes_to_a_server_that_has_some),
		ATTEMPT_TEST(what_is_left_of_the_time_goes_with_the_message),
		ATTEMPT_TEST(limits_make_more_transactions_of_one_message),
		ATTEMPT_TEST(recipients_past_the_first_transaction_follow_in_the_next),
		ATTEMPT_TEST(when_all_of_a_transaction_are_refused_the_others_are_still_asked),
		ATTEMPT_TEST(chunks_carry_the_message_as_it_is),
		ATTEMPT_TEST(a_large_message_goes_in_chunks_of_which_the_last_has_bytes),
		ATTEMPT_TEST(a_refused_chunk_ends_the_message_without_its_end),
		ATTEMPT_TEST(nothing_is_sent_in_chunks_before_somebody_was_accepted),
		ATTEMPT_TEST(who_offers_chunks_and_knows_none_gets_data),
		ATTEMPT_TEST(binary_goes_as_it_is_to_who_takes_it_and_encoded_to_others),
		ATTEMPT_TEST(eight_bit_text_is_encoded_for_a_server_that_does_not_offer_8bitmime),
		ATTEMPT_TEST(what_cannot_be_encoded_is_bounced),
		ATTEMPT_TEST(required_tls_on_the_whole_way_needs_a_server_that_promises_it),
		ATTEMPT_TEST(a_server_whose_certificate_is_trusted_gets_the_password),
		ATTEMPT_TEST(a_host_that_takes_no_mail_says_so_for_good),
		ATTEMPT_TEST(an_answer_before_its_question_is_not_believed),
		ATTEMPT_TEST(a_refusal_before_the_end_of_the_message_is_one),
		ATTEMPT_TEST(mail_leaves_from_the_address_that_it_is_to_leave_from),
	};

	return cmocka_run_group_tests(tests, attempt_group_begin, attempt_group_end);
}
