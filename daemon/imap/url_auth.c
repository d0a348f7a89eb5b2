/* imap/url_auth.c: see the header. */
#include "daemon/imap/url_auth.h"

#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/crypto/digest.h"

#define TOKEN_VERSION 1 /* RFC 4467 3: so that another algorithm can follow */
#define TOKEN_BYTES (1 + SHA256_BYTES)

static void make_token(const struct url_key *key, struct span rump, uint8_t out[TOKEN_BYTES])
{
	out[0] = TOKEN_VERSION;
	crypto_hmac_sha256(span_make((const char *)key->bytes, sizeof key->bytes), rump, out + 1);
}

bool url_auth_is_open(const struct imap_session *s, const struct imap_url *url)
{
	uint64_t account_id;

	if (!span_iequals(url->mechanism, URL_MECHANISM) || url->token.len != 2 * TOKEN_BYTES || url->expire_ms <= clock_real_ms())
		return false;
	switch (url->access) {
	case URL_ACCESS_ANONYMOUS:
	case URL_ACCESS_AUTHUSER: return true; /* nobody is in without a login */
	case URL_ACCESS_USER: return !s->service->find_login(s->ctx, url->access_user, url->host, &account_id) && account_id == s->account_id;
	case URL_ACCESS_SUBMIT: /* no login here is a server's that takes in mail for others, or plays it */
	case URL_ACCESS_STREAM:
	case URL_ACCESS_NONE: return false;
	}
	return false;
}

enum err url_auth_verify(const struct imap_session *s, struct mailstore *m, uint64_t mailbox_id, const struct imap_url *url)
{
	uint8_t token[TOKEN_BYTES];
	struct url_key key = { { 0 } };
	struct buf given;
	enum err e = s->service->url_key_find(m, mailbox_id, &key), decoded;

	make_token(&key, url->rump, token);
	buf_init(&given, TOKEN_BYTES);
	decoded = hex_decode(url->token, &given);
	if (!e && (decoded || given.len != sizeof token || !crypto_equals(given.ptr, token, sizeof token)))
		e = ERR_NOT_FOUND;
	buf_clear(&given);
	explicit_bzero(&key, sizeof key);
	explicit_bzero(token, sizeof token);
	return e;
}

enum err url_auth_sign(const struct imap_session *s, uint64_t mailbox_id, const struct imap_url *url, struct arena *a, struct span *out)
{
	uint8_t token[TOKEN_BYTES];
	struct url_key key;
	struct buf hex;
	enum err e = s->service->url_key_make(s->store, mailbox_id, &key);

	if (e)
		return e;
	make_token(&key, url->rump, token);
	buf_init(&hex, 2 * TOKEN_BYTES);
	hex_encode(span_make((const char *)token, sizeof token), &hex);
	*out = arena_printf(a, "%.*s:INTERNAL:%.*s", (int)url->rump.len, url->rump.ptr, (int)hex.len, hex.ptr);
	e = hex.failed || !out->ptr ? ERR_LIMIT : ERR_OK;
	buf_wipe(&hex);
	explicit_bzero(&key, sizeof key);
	explicit_bzero(token, sizeof token);
	return e;
}
