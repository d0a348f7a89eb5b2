/* Rewritten reverse-paths: there, back, and nobody else's. */
#include "tests/unit/queue/fixture.h"

#include <stdio.h>

#include "daemon/queue/srs_open.h"

#define DAY 86400000LL

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 1u << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_clear(&arena);
	return 0;
}

static struct srs keyed(const char *key, int64_t now_ms)
{
	struct srs srs = { .now_ms = now_ms };

	memcpy(srs.key, key, strlen(key));
	return srs;
}

#define NOW 1767225600000LL

static struct address parsed(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(span_str(text), &arena, &address), ERR_OK);
	return address;
}

static const char *written(const struct address *address)
{
	struct buf text;
	const char *out;

	buf_init(&text, 2000);
	address_write(address, &text);
	assert_int_equal(span_cstr(&arena, buf_span(&text), &out), ERR_OK);
	buf_clear(&text);
	return out;
}

static const char *rewritten(const struct srs *srs, const char *sender)
{
	struct address from = parsed(sender);
	struct srs_path path;

	assert_int_equal(srs_write(srs, &from, SPAN("ours.test"), &arena, &path), ERR_OK);
	assert_int_equal(path.token.len, 0);
	return written(&path.address);
}

static enum err opened(const struct srs *srs, const char *text, const char *expected)
{
	struct address address = parsed(text);
	struct srs_path path;
	enum err e = srs_read(srs, &address, &arena, &path);

	if (!e)
		assert_string_equal(written(&path.address), expected);
	return e;
}

static void a_sender_is_written_and_read_back(void **state)
{
	struct srs srs = keyed("secret", NOW);
	const char *path = rewritten(&srs, "Bob.Smith+tag@other.test");

	(void)state;
	assert_true(span_starts(span_str(path), SPAN("SRS0=")));
	assert_true(span_ends(span_str(path), SPAN("=other.test=Bob.Smith+tag@ours.test")));
	assert_int_equal(opened(&srs, path, "Bob.Smith+tag@other.test"), ERR_OK);
}

static void every_changed_character_is_refused(void **state)
{
	struct srs srs = keyed("secret", NOW);
	const char *path = rewritten(&srs, "bob@other.test");
	char copy[128];
	size_t local = (size_t)(strchr(path, '@') - path);

	(void)state;
	for (size_t i = 5; i < local; i++) {
		(void)snprintf(copy, sizeof(copy), "%s", path);
		copy[i] = copy[i] == 'Q' ? 'R' : 'Q';
		assert_int_not_equal(opened(&srs, copy, ""), ERR_OK);
	}
}

static void another_key_does_not_open(void **state)
{
	struct srs srs = keyed("secret", NOW), other = keyed("guess", NOW);

	(void)state;
	assert_int_equal(opened(&other, rewritten(&srs, "bob@other.test"), ""), ERR_DENIED);
	assert_int_equal(opened(&other, rewritten(&srs, "SRS0=abcd=ef=first.test=bob@other.test"), ""), ERR_DENIED);
}

static void a_folded_address_opens(void **state)
{
	struct srs srs = keyed("secret", NOW);
	char copy[128];

	(void)state;
	(void)snprintf(copy, sizeof(copy), "%s", rewritten(&srs, "Bob@other.test"));
	for (char *c = copy; *c; c++)
		*c = ascii_lower(*c);
	assert_int_equal(opened(&srs, copy, "bob@other.test"), ERR_OK);
	for (char *c = copy; *c && *c != '@'; c++)
		*c = ascii_upper(*c);
	assert_int_equal(opened(&srs, copy, "BOB@other.test"), ERR_OK);
}

static void it_ends_after_three_weeks(void **state)
{
	struct srs srs = keyed("secret", NOW), later = srs;
	const char *path = rewritten(&srs, "bob@other.test");

	(void)state;
	later.now_ms = NOW + SRS_VALID_DAYS * DAY;
	assert_int_equal(opened(&later, path, "bob@other.test"), ERR_OK);
	later.now_ms += DAY;
	assert_int_equal(opened(&later, path, ""), ERR_DENIED);
	later.now_ms = NOW + 1024 * DAY; /* the count comes round after 2.8 years */
	assert_int_equal(opened(&later, path, "bob@other.test"), ERR_OK);
}

static void a_path_of_the_future_is_refused_but_for_a_day(void **state)
{
	struct srs srs = keyed("secret", NOW), before = srs;
	const char *path = rewritten(&srs, "bob@other.test");

	(void)state;
	before.now_ms = NOW - DAY;
	assert_int_equal(opened(&before, path, "bob@other.test"), ERR_OK);
	before.now_ms = NOW - 2 * DAY;
	assert_int_equal(opened(&before, path, ""), ERR_DENIED);
}

static void the_path_of_another_forwarder_keeps_its_words(void **state)
{
	static const char *const senders[] = { "SRS0=HHHH=TT=first.test=bob@mid.test", "SRS0+HHH=TT=first.test=bob@mid.test", "srs0-HHH=TT=first.test=bob@mid.test" };
	static const char *const back[] = { "SRS0=HHHH=TT=first.test=bob@mid.test", "SRS0+HHH=TT=first.test=bob@mid.test", "SRS0-HHH=TT=first.test=bob@mid.test" };
	struct srs srs = keyed("secret", NOW);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *path = rewritten(&srs, senders[i]);

		assert_true(span_starts(span_str(path), SPAN("SRS1=")));
		assert_int_equal(opened(&srs, path, back[i]), ERR_OK);
	}
}

static void rewriting_again_and_again_does_not_grow(void **state)
{
	struct srs here = keyed("secret", NOW), there = keyed("theirs", NOW);
	struct address path = parsed("SRS0=HHHHHH=TT=first.test=bob@mid.test");
	struct srs_path next;
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(srs_write(i % 2 ? &there : &here, &path, i % 2 ? SPAN("them.test") : SPAN("ours.test"), &arena, &next), ERR_OK);
		assert_int_equal(next.token.len, 0);
		path = next.address;
		assert_true(i == 0 || path.local.len == len);
		len = path.local.len;
	}
	assert_int_equal(opened(&there, written(&path), "SRS0=HHHHHH=TT=first.test=bob@mid.test"), ERR_OK);
}

static void what_only_looks_rewritten_is_a_sender_like_any(void **state)
{
	static const char *const senders[] = { "SRS1=x@other.test", "SRS1==a==b@other.test", "srs@other.test", "SRS2=a=b@other.test", "SRS0@other.test", "SRS1=h=host=nosep@other.test" };
	struct srs srs = keyed("secret", NOW);

	(void)state;
	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		const char *path = rewritten(&srs, senders[i]);

		assert_true(span_starts(span_str(path), SPAN("SRS0=")));
		assert_int_equal(opened(&srs, path, senders[i]), ERR_OK);
	}
}

static void broken_ones_are_no_addresses_of_ours(void **state)
{
	static const char *const broken[] = { "SRS0=@ours.test", "SRS0=a@ours.test", "SRS0=a=b=c@ours.test", "SRS0====@ours.test", "SRS1=@ours.test", "SRS1=a=b@ours.test", "SRS1=a=b=c@ours.test", "SRS0+a=b=c=d@ours.test", "bob@ours.test" };
	struct srs srs = keyed("secret", NOW);

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_int_equal(opened(&srs, broken[i], ""), ERR_NOT_FOUND);
}

static void quoted_local_parts_are_kept_as_they_mean(void **state)
{
	struct srs srs = keyed("secret", NOW);
	const char *path = rewritten(&srs, "\"a b\\\"c=d\"@other.test");

	(void)state;
	assert_int_equal(path[0], '"');
	assert_int_equal(opened(&srs, path, "\"a b\\\"c=d\"@other.test"), ERR_OK);
}

static void what_is_too_long_gets_a_token_within_64_octets(void **state)
{
	static const char *const senders[] = { "0100018b2c3d4e5f-8a7b6c5d-1234-5678-9abc-def012345678-000000@bulk.example.test",
					       "SRS0=HHHH=TT=a-rather-long-first-forwarder.example.test=bob@and-a-second-of-some-length.test",
					       "\"twenty characters and quotes\"@quite-long-domain.example.test" };
	struct srs srs = keyed("secret", NOW);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct address from = parsed(senders[i]);
		struct srs_path path, back;

		assert_int_equal(srs_write(&srs, &from, SPAN("ours.test"), &arena, &path), ERR_OK);
		assert_true(path.token.len > 0);
		assert_true(path.address.local.len <= ADDRESS_LOCAL_MAX);
		assert_true(span_equals(path.original, span_str(written(&from))));
		path.address.local = span_str(written(&(struct address){ path.address.local, SPAN("x") }));
		path.address.local.len -= 2;
		assert_int_equal(srs_read(&srs, &path.address, &arena, &back), ERR_OK);
		assert_true(span_equals(back.token, path.token));
		for (size_t k = 0; k < path.address.local.len; k++)
			((char *)path.address.local.ptr)[k] = ascii_lower(path.address.local.ptr[k]);
		assert_int_equal(srs_read(&srs, &path.address, &arena, &back), ERR_OK);
		assert_true(span_equals(back.token, path.token));
	}
}

static struct address of_queue(struct fixture *f, const char *sender, const char *domain)
{
	struct address from = parsed(sender);
	struct srs_path path;
	struct srs srs;

	srs_begin(f->queue, &srs);
	assert_int_equal(srs_write(&srs, &from, span_str(domain), &arena, &path), ERR_OK);
	return path.address;
}

static void only_domains_of_ours_are_opened(void **state)
{
	struct fixture *f = *state;
	struct address ours, theirs, out;

	arena_init(&arena, 1u << 20);
	ours = of_queue(f, "bob@other.test", "example.test");
	theirs = of_queue(f, "bob@other.test", "elsewhere.test");
	assert_int_equal(srs_open(f->queue, &ours, &arena, &out), ERR_OK);
	assert_string_equal(written(&out), "bob@other.test");
	assert_int_equal(srs_open(f->queue, &theirs, &arena, &out), ERR_NOT_FOUND);
	fixture_close(f);
	fixture_open(f);
	assert_int_equal(srs_open(f->queue, &ours, &arena, &out), ERR_OK);
	arena_clear(&arena);
}

static void a_token_nobody_keeps_is_unknown(void **state)
{
	struct fixture *f = *state;
	struct address path, out;

	arena_init(&arena, 1u << 20);
	path = of_queue(f, "0100018b2c3d4e5f-8a7b6c5d-1234-5678-9abc-def012345678-000000@bulk.example.test", "example.test");
	assert_int_equal(srs_open(f->queue, &path, &arena, &out), ERR_NOT_FOUND);
	arena_clear(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_sender_is_written_and_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(every_changed_character_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(another_key_does_not_open, setup, teardown),
		cmocka_unit_test_setup_teardown(a_folded_address_opens, setup, teardown),
		cmocka_unit_test_setup_teardown(it_ends_after_three_weeks, setup, teardown),
		cmocka_unit_test_setup_teardown(a_path_of_the_future_is_refused_but_for_a_day, setup, teardown),
		cmocka_unit_test_setup_teardown(the_path_of_another_forwarder_keeps_its_words, setup, teardown),
		cmocka_unit_test_setup_teardown(rewriting_again_and_again_does_not_grow, setup, teardown),
		cmocka_unit_test_setup_teardown(what_only_looks_rewritten_is_a_sender_like_any, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_ones_are_no_addresses_of_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(quoted_local_parts_are_kept_as_they_mean, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_too_long_gets_a_token_within_64_octets, setup, teardown),
		cmocka_unit_test_setup_teardown(only_domains_of_ours_are_opened, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_token_nobody_keeps_is_unknown, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
