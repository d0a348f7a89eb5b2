/* fuzz/fuzz_secrets.c: what people and other programs give as hashes, lists and names of refusals. What is taken is stored in a form that is read
 * again, and says the same. */
#include <stdlib.h>

#include "daemon/auth/app_secret.h"
#include "daemon/auth/auth.h"
#include "daemon/auth/imported.h"
#include "daemon/auth/password.h"
#include "daemon/auth/throttle.h"
#include "daemon/auth/words.h"

#define STORED_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void take_hash(struct span given)
{
	struct note why = { "" };
	struct buf stored, again;

	buf_init(&stored, STORED_MAX);
	buf_init(&again, STORED_MAX);
	if (auth_import_hash(given, &stored, &why) == ERR_OK) {
		must(imported_is(buf_span(&stored)) || password_is_argon2(buf_span(&stored)));
		must(auth_import_hash(buf_span(&stored), &again, &why) == ERR_OK && span_equals(buf_span(&again), buf_span(&stored)));
	} else {
		must(why.text[0] != '\0');
	}
	buf_clear(&stored);
	buf_clear(&again);
}

static void take_subject(struct span given)
{
	char text[THROTTLE_SUBJECT_TEXT];
	struct throttle_subject s;

	if (throttle_subject_parse(given, &s) == ERR_OK) {
		throttle_subject_text(&s, text);
		must(text[0] != '\0' && throttle_subject_parse(span_str(text), &s) == ERR_OK);
	}
}

static void take_words(struct span given)
{
	const struct net_cidr *networks;
	const struct span *words;
	struct arena arena;
	struct buf joined;
	size_t count;

	arena_init(&arena, 1 << 20);
	buf_init(&joined, 1 << 16);
	if (words_split(given, &arena, &words, &count) == ERR_OK && words_join(words, count, 1 << 16, &joined) == ERR_OK)
		must(span_equals(buf_span(&joined), given));
	if (words_networks(given, &arena, &networks, &count) == ERR_OK && count > 0)
		must(networks[count - 1].network.family != NET_NONE);
	must(words_check_label(given, NULL) != ERR_OK || (given.len > 0 && span_is_utf8(given)));
	buf_clear(&joined);
	arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span given = span_make((const char *)data, size);
	uint8_t digest[SHA256_BYTES];

	take_hash(given);
	take_subject(given);
	take_words(given);
	must(!app_secret_digest(given, digest) || size >= APP_SECRET_LETTERS);
	return 0;
}
