/* auth/challenge.c: the layout of a challenge: end (4 bytes, monotonic seconds), nonce (12), tag (16). */
#include "daemon/auth/challenge.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/rng.h"
#include "daemon/crypto/digest.h"

#define END_BYTES 4
#define NONCE_BYTES 12
#define TAG_AT (END_BYTES + NONCE_BYTES)
#define TAG_BYTES (CHALLENGE_BYTES - TAG_AT)

void challenges_init(struct challenges *c)
{
	*c = (struct challenges){ .used = NULL };
	rng_bytes(c->key, sizeof(c->key));
	(void)pthread_mutex_init(&c->lock, NULL);
}

void challenges_clear(struct challenges *c)
{
	free(c->used);
	(void)pthread_mutex_destroy(&c->lock);
	explicit_bzero(c, sizeof(*c));
}

static uint32_t now_s(void)
{
	return (uint32_t)(clock_mono_ms() / 1000);
}

static void make_tag(const struct challenges *c, uint64_t account_id, const uint8_t *challenge, uint8_t out[SHA256_BYTES])
{
	uint8_t message[TAG_AT + sizeof(account_id)];

	memcpy(message, challenge, TAG_AT);
	memcpy(message + TAG_AT, &account_id, sizeof(account_id));
	crypto_hmac_sha256(span_make((const char *)c->key, sizeof(c->key)), span_make((const char *)message, sizeof(message)), out);
}

void challenge_make(const struct challenges *c, uint64_t account_id, uint8_t out[CHALLENGE_BYTES])
{
	uint32_t ends_s = now_s() + CHALLENGE_LIFE_MS / 1000;
	uint8_t tag[SHA256_BYTES];

	memcpy(out, &ends_s, END_BYTES);
	rng_bytes(out + END_BYTES, NONCE_BYTES);
	make_tag(c, account_id, out, tag);
	memcpy(out + TAG_AT, tag, TAG_BYTES);
}

static bool is_ours(const struct challenges *c, uint64_t account_id, struct span challenge, struct used_challenge *out)
{
	uint8_t tag[SHA256_BYTES];

	if (challenge.len != CHALLENGE_BYTES)
		return false;
	make_tag(c, account_id, (const uint8_t *)challenge.ptr, tag);
	if (!crypto_equals(tag, challenge.ptr + TAG_AT, TAG_BYTES))
		return false;
	memcpy(&out->ends_s, challenge.ptr, END_BYTES);
	memcpy(out->nonce, challenge.ptr + END_BYTES, NONCE_BYTES);
	return out->ends_s > now_s();
}

/* Forgets those that have run out. The lock is held. */
static bool was_used(struct challenges *c, const struct used_challenge *asked)
{
	uint32_t now = now_s();
	bool found = false;

	for (size_t i = 0; i < c->used_count;) {
		if (c->used[i].ends_s <= now) {
			c->used[i] = c->used[--c->used_count];
			continue;
		}
		found = found || memcmp(c->used[i].nonce, asked->nonce, NONCE_BYTES) == 0;
		i++;
	}
	return found;
}

bool challenge_is_good(struct challenges *c, uint64_t account_id, struct span challenge)
{
	struct used_challenge asked;
	bool good;

	if (!is_ours(c, account_id, challenge, &asked))
		return false;
	pthread_mutex_lock(&c->lock);
	good = !was_used(c, &asked);
	pthread_mutex_unlock(&c->lock);
	return good;
}

/* The lock is held. */
static enum err remember(struct challenges *c, const struct used_challenge *asked)
{
	if (was_used(c, asked))
		return ERR_DENIED;
	if (c->used_count == CHALLENGES_USED_MAX)
		return ERR_LIMIT;
	if (!c->used)
		c->used = calloc(CHALLENGES_USED_MAX, sizeof(*c->used));
	if (!c->used)
		return ERR_TEMP;
	c->used[c->used_count++] = *asked;
	return ERR_OK;
}

enum err challenge_use(struct challenges *c, uint64_t account_id, struct span challenge)
{
	struct used_challenge asked;
	enum err e;

	if (!is_ours(c, account_id, challenge, &asked))
		return ERR_DENIED;
	pthread_mutex_lock(&c->lock);
	e = remember(c, &asked);
	pthread_mutex_unlock(&c->lock);
	return e;
}
