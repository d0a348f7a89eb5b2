/* unit/relay/attempt.c: see attempt.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/relay/attempt.h"

#include "daemon/crypto/x509.h"
#include "tests/unit/relay/fake_dns.h"
#include "tests/unit/relay/fake_server.h"

struct attempt attempt;

static enum err read_message(void *arg, uint64_t offset, char *to, size_t size, size_t *count_out)
{
	struct span rest = span_take(span_skip(attempt.message, offset), size);

	(void)arg;
	if (rest.len > 0)
		memcpy(to, rest.ptr, rest.len);
	*count_out = rest.len;
	return ERR_OK;
}

static void new_relay(void)
{
	struct relay_config config = { .tls = span_equals(attempt.via.host, SPAN("fake.example")) ? attempt.trusting : attempt.client, .port = 25 };

	assert_int_equal(relay_new(&config, &attempt.relay, NULL), ERR_OK);
}

void attempt_renew_relay(void)
{
	relay_free(&attempt.relay);
	new_relay();
}

void attempt_trust(void)
{
	fake_dns_add("fake.example", DNS_A, "127.0.0.1");
	attempt.via.host = SPAN("fake.example");
	attempt.via.tls = RELAY_TLS_REQUIRED;
	attempt_renew_relay();
}

void attempt_set_clock(const struct clock_source *source)
{
	relay_free(&attempt.relay);
	clock_set_source(source);
	new_relay();
}

int attempt_begin(void **state)
{
	static const struct span addresses[ATTEMPT_RECIPIENTS] = { SPAN("a@d.example"), SPAN("b@d.example"), SPAN("c@d.example"), SPAN("d@d.example"), SPAN("e@d.example") };

	(void)state;
	fake_dns_clear();
	arena_init(&attempt.arena, 16u * 1024u * 1024u);
	attempt.message = SPAN(UNSTUFFED);
	attempt.via = (struct relay_host){ .host = SPAN("127.0.0.1"), .tls = RELAY_TLS_OPPORTUNISTIC };
	memset(attempt.recipients, 0, sizeof(attempt.recipients));
	for (size_t i = 0; i < ATTEMPT_RECIPIENTS; i++)
		attempt.recipients[i].address = addresses[i];
	attempt.job = (struct relay_job){
		.domain = SPAN("d.example"),
		.via = &attempt.via,
		.helo = SPAN("mail.example.org"),
		.reverse_path = SPAN("me@example.org"),
		.recipients = attempt.recipients,
		.recipient_count = 1,
		.size = attempt.message.len,
		.read = read_message,
		.arena = &attempt.arena,
	};
	new_relay();
	return 0;
}

int attempt_end(void **state)
{
	(void)state;
	relay_free(&attempt.relay);
	arena_clear(&attempt.arena);
	return 0;
}

void attempt_assert(size_t recipient, enum relay_outcome outcome, const char *status, const char *reply, bool remote)
{
	const struct relay_recipient *r = &attempt.recipients[recipient];

	if (r->outcome != outcome || !span_equals(span_str(r->status), span_str(status)))
		print_error("recipient %zu: %s %.*s\n", recipient, r->status, (int)r->reply.len, r->reply.ptr);
	assert_int_equal(r->outcome, outcome);
	assert_string_equal(r->status, status);
	assert_int_equal(r->remote, remote);
	if (reply)
		assert_true(span_equals(r->reply, span_str(reply)));
	else
		assert_true(r->reply.len > 0);
}

void attempt_many(const char *const *const *scripts, const char *content, unsigned count)
{
	struct fake_server *s = fake_server_start("127.0.0.1", 0, scripts, attempt.store);
	struct buf data, wrong;

	attempt.via.port = fake_server_addr(s).port;
	for (unsigned i = 0; i < count; i++)
		relay_attempt(attempt.relay, &attempt.job);
	attempt_renew_relay();
	fake_server_end(&s, &data, &wrong);
	if (wrong.len > 0)
		fail_msg("%s", buf_cstr(&wrong));
	if (!span_equals(buf_span(&data), span_str(content)))
		print_error("content: %.*s\n", (int)data.len, data.ptr);
	assert_true(span_equals(buf_span(&data), span_str(content)));
	buf_clear(&data);
	buf_clear(&wrong);
}

void attempt_once(const char *const *const *scripts, const char *content)
{
	attempt_many(scripts, content, 1);
}

/* A client that trusts these certificates. */
static bool make_trusting(struct span chain)
{
	char path[] = "/tmp/attempt-XXXXXX";
	int fd = mkstemp(path);
	struct note why;
	bool made = fd >= 0 && write(fd, chain.ptr, chain.len) == (ssize_t)chain.len && tls_client_new(path, &attempt.trusting, &why) == ERR_OK;

	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	return made;
}

int attempt_group_begin(void **state)
{
	static const char *const names[] = { "fake.example" };
	struct tls_identity identity;
	struct buf chain, key;
	struct note why;

	(void)state;
	tls_init();
	buf_init(&chain, 65536);
	buf_init(&key, 65536);
	if (x509_self_signed(names, 1, 1, &chain, &key, &why) != ERR_OK || tls_store_new(&attempt.store) != ERR_OK || tls_client_new(NULL, &attempt.client, &why) != ERR_OK)
		return 1;
	identity = (struct tls_identity){ buf_span(&chain), buf_span(&key) };
	if (tls_store_set(attempt.store, &identity, 1, &why) != ERR_OK || !make_trusting(buf_span(&chain)))
		return 1;
	buf_clear(&chain);
	buf_clear(&key);
	return 0;
}

int attempt_group_end(void **state)
{
	(void)state;
	tls_store_free(&attempt.store);
	tls_client_free(&attempt.client);
	tls_client_free(&attempt.trusting);
	return 0;
}
