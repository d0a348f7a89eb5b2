/* auth/scram.c: the server's side of an exchange.
 *
 *   NEW --scram_first--> ASKED --scram_final--> OVER        any error: OVER
 *
 * (1) Who is unknown is answered as who is known: a salt made of the name, the same work at the end, the same verdict.
 * (2) What is compared is read again at the end: a password that was changed meanwhile does not open.
 * (3) All keys are tried, whichever fits: the time does not tell which one did.
 */
#include "daemon/auth/scram.h"

#include <stdlib.h>

#include "daemon/auth/attempt.h"
#include "daemon/auth/credentials.h"
#include "daemon/auth/inside.h"
#include "daemon/auth/scram_parse.h"
#include "daemon/base/encode.h"
#include "daemon/base/rng.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/name.h"
#include "daemon/directory/setting.h"
#include "daemon/net/session.h"

#define NONCE_BYTES 18 /* a multiple of 3: its base64 has no padding */
#define HEADER_MAX SCRAM_MESSAGE_MAX

enum scram_state { SCRAM_NEW,
		   SCRAM_ASKED,
		   SCRAM_OVER };

struct scram {
	struct auth *auth;
	enum auth_protocol protocol;
	bool plus, offered_plus;
	enum scram_state state;
	struct session_binding binding;
	struct net_addr peer;
	bool has_peer;
	struct attempt attempt;
	struct buf login;
	struct buf bound; /* what "c=" must say: the header and the bytes of the binding */
	struct buf nonce; /* client's and ours */
	struct buf said;  /* client-first-message-bare "," server-first-message "," */
};

enum err scram_begin(struct auth *a, enum auth_protocol protocol, bool plus, bool offered_plus, const struct session_binding *binding,
		     const struct net_addr *peer, struct scram **out)
{
	struct scram *s = calloc(1, sizeof(*s));

	*out = s;
	if (!s)
		return ERR_TEMP;
	s->auth = a;
	s->protocol = protocol;
	s->plus = plus;
	s->offered_plus = offered_plus;
	if (binding)
		s->binding = *binding;
	s->has_peer = peer;
	if (peer)
		s->peer = *peer;
	buf_init(&s->login, SCRAM_MESSAGE_MAX);
	buf_init(&s->bound, HEADER_MAX + sizeof(s->binding.end_point));
	buf_init(&s->nonce, SCRAM_MESSAGE_MAX + NONCE_BYTES * 2);
	buf_init(&s->said, SCRAM_MESSAGE_MAX * 2 + SCRAM_REPLY_MAX);
	return ERR_OK;
}

void scram_free(struct scram **scram)
{
	struct scram *s = *scram;

	*scram = NULL;
	if (!s)
		return;
	buf_clear(&s->login);
	buf_wipe(&s->bound);
	buf_clear(&s->nonce);
	buf_clear(&s->said);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

struct span scram_login(const struct scram *s)
{
	return buf_span(&s->login);
}

static const struct net_addr *peer_of(const struct scram *s)
{
	return s->has_peer ? &s->peer : NULL;
}

/* RFC 5802 section 6: the mechanism, the flag and what was on offer must agree. */
static enum err bind(struct scram *s, const struct scram_client_first *c)
{
	buf_add(&s->bound, c->gs2_header);
	switch (c->flag) {
	case SCRAM_NOT_BOUND: return s->plus ? ERR_DENIED : ERR_OK;
	case SCRAM_NOT_OFFERED: return s->plus || s->offered_plus ? ERR_DENIED : ERR_OK;
	case SCRAM_BOUND: break;
	}
	if (!s->plus)
		return ERR_DENIED;
	if (span_equals(c->binding_name, SPAN("tls-exporter")) && s->binding.exporter_len > 0) {
		buf_add(&s->bound, span_make((const char *)s->binding.exporter, s->binding.exporter_len));
		return ERR_OK;
	}
	if (span_equals(c->binding_name, SPAN("tls-server-end-point")) && s->binding.end_point_len > 0) {
		buf_add(&s->bound, span_make((const char *)s->binding.end_point, s->binding.end_point_len));
		return ERR_OK;
	}
	return ERR_DENIED;
}

/* Of an account all spellings of the name have one salt; so have those of nobody's. */
static void make_fake_salt(const struct scram *s, uint8_t out[SCRAM_SALT_BYTES])
{
	uint8_t key[SHA256_BYTES], digest[SHA256_BYTES];
	struct name_key name;

	name_key_of_login(buf_span(&s->login), &name);
	directory_derive_key(s->auth->directory, SPAN("scram salt"), key);
	crypto_hmac_sha256(span_make((const char *)key, sizeof(key)), span_make(name.bytes, name.len), digest);
	memcpy(out, digest, SCRAM_SALT_BYTES);
	explicit_bzero(key, sizeof(key));
}

/* Null: nobody. */
static enum err hold(const struct scram *s, const struct credentials **out)
{
	enum err e;

	*out = NULL;
	if (s->attempt.account_id == 0)
		return ERR_OK;
	e = credentials_hold(s->auth, s->attempt.account_id, out);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/*   server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions] */
static enum err answer_first(struct scram *s, struct span bare, struct buf *out)
{
	const struct credentials *c;
	uint8_t salt[SCRAM_SALT_BYTES];
	unsigned iterations = SCRAM_ITERATIONS;
	enum err e = hold(s, &c);

	if (e)
		return ERR_TEMP;
	if (c && c->has_scram) {
		memcpy(salt, c->scram.salt, sizeof(salt));
		iterations = c->scram.iterations;
	} else {
		make_fake_salt(s, salt);
	}
	credentials_release(&c);
	buf_add_str(out, "r=");
	buf_add(out, buf_span(&s->nonce));
	buf_add_str(out, ",s=");
	base64_encode(span_make((const char *)salt, sizeof(salt)), out);
	buf_addf(out, ",i=%u", iterations);
	buf_add(&s->said, bare);
	buf_add_char(&s->said, ',');
	buf_add(&s->said, buf_span(out));
	buf_add_char(&s->said, ',');
	return out->failed || s->said.failed ? ERR_LIMIT : ERR_OK;
}

enum err scram_first(struct scram *s, struct span client_first, struct buf *server_first)
{
	struct scram_client_first c;
	uint8_t ours[NONCE_BYTES];
	struct buf authzid;
	enum err e;

	if (s->state != SCRAM_NEW)
		return ERR_STATE;
	s->state = SCRAM_OVER;
	if (client_first.len > SCRAM_MESSAGE_MAX)
		return ERR_SYNTAX;
	e = scram_parse_first(client_first, &c);
	if (!e)
		e = scram_unescape(c.username, &s->login);
	if (e)
		return e;
	buf_init(&authzid, SCRAM_MESSAGE_MAX);
	e = scram_unescape(c.authzid, &authzid);
	if (!e && authzid.len > 0 && !span_equals(buf_span(&authzid), buf_span(&s->login)))
		e = ERR_DENIED;
	buf_clear(&authzid);
	if (!e)
		e = bind(s, &c);
	if (e)
		return e;
	rng_bytes(ours, sizeof(ours));
	buf_add(&s->nonce, c.nonce);
	base64_encode(span_make((const char *)ours, sizeof(ours)), &s->nonce);
	attempt_begin(s->auth, s->protocol, buf_span(&s->login), peer_of(s), &s->attempt);
	e = answer_first(s, c.bare, server_first);
	if (!e)
		s->state = SCRAM_ASKED;
	return e;
}

/* RFC 5802 section 3: ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage), and H(ClientKey) is the StoredKey. */
static bool fits(const struct scram_keys *keys, struct span message, const uint8_t proof[SHA256_BYTES])
{
	uint8_t key[SHA256_BYTES], stored[SHA256_BYTES];
	bool equal;

	crypto_hmac_sha256(span_make((const char *)keys->stored, SHA256_BYTES), message, key);
	for (size_t i = 0; i < SHA256_BYTES; i++)
		key[i] ^= proof[i];
	crypto_sha256(span_make((const char *)key, SHA256_BYTES), stored);
	equal = crypto_equals(stored, keys->stored, SHA256_BYTES);
	explicit_bzero(key, sizeof(key));
	return equal;
}

struct match {
	const struct scram_keys *keys; /* null: nothing fits */
	const struct app_credential *app;
};

static void look_for(const struct scram *s, const struct credentials *c, bool refused, struct span message, const uint8_t proof[SHA256_BYTES],
		     struct match *out)
{
	static const struct scram_keys nobody = { .stored = { 0 } };
	bool tried = false;

	*out = (struct match){ .keys = NULL };
	if (c && c->has_scram && c->scram.has_keys && !refused) {
		tried = true;
		if (fits(&c->scram.keys, message, proof))
			out->keys = &c->scram.keys;
	}
	for (size_t i = 0; c && c->has_scram && i < c->app_count; i++) {
		const struct app_credential *app = &c->apps[i];

		if (!app->has_keys || !app_credential_opens(app, s->protocol, peer_of(s)))
			continue;
		tried = true;
		if (fits(&app->keys, message, proof))
			*out = (struct match){ &app->keys, app };
	}
	/* Its answer is not wanted: nothing fits these keys but their own preimage. */
	if (!tried)
		(void)fits(&nobody, message, proof);
}

static void judge(struct scram *s, const struct credentials *c, const struct match *m, bool refused, struct auth_result *result)
{
	if (!m->keys) {
		result->verdict = refused ? AUTH_REFUSED : AUTH_WRONG;
		if (!refused)
			result->delay_ms = attempt_failed(s->auth, &s->attempt, 0);
		return;
	}
	result->account_id = s->attempt.account_id;
	result->verdict = auth_standing(s->auth, s->attempt.protocol, s->attempt.account_id);
	if (result->verdict != AUTH_OK)
		return;
	if (!m->app && c->second_factor) {
		result->verdict = AUTH_WANTS_APP_PASSWORD;
	} else {
		result->verdict = AUTH_OK;
		result->credential = credentials_number(s->auth, c, m->app);
		attempt_passed(s->auth, &s->attempt, m->app ? m->app->id : 0);
	}
}

static bool is_what_was_agreed(const struct scram *s, const struct scram_client_final *f)
{
	struct buf binding;
	bool agreed;

	buf_init(&binding, SCRAM_MESSAGE_MAX);
	agreed = base64_decode(f->binding, &binding) == ERR_OK && span_equals(f->nonce, buf_span(&s->nonce)) && binding.len == s->bound.len &&
		 crypto_equals(binding.ptr, s->bound.ptr, binding.len);
	buf_wipe(&binding);
	return agreed;
}

static bool read_proof(struct span base64, uint8_t out[SHA256_BYTES])
{
	struct buf proof;
	bool good;

	buf_init(&proof, SCRAM_MESSAGE_MAX);
	good = base64_decode(base64, &proof) == ERR_OK && proof.len == SHA256_BYTES;
	if (good)
		memcpy(out, proof.ptr, SHA256_BYTES);
	buf_wipe(&proof);
	return good;
}

/*   server-final-message = (server-error / verifier) ["," extensions] */
static void answer_final(const struct scram_keys *keys, struct span message, struct buf *out)
{
	uint8_t signature[SHA256_BYTES];

	crypto_hmac_sha256(span_make((const char *)keys->server, SHA256_BYTES), message, signature);
	buf_add_str(out, "v=");
	base64_encode(span_make((const char *)signature, sizeof(signature)), out);
}

enum err scram_final(struct scram *s, struct span client_final, struct buf *server_final, struct auth_result *result)
{
	const struct credentials *c = NULL;
	struct scram_client_final f;
	uint8_t proof[SHA256_BYTES];
	struct match match;
	bool refused;

	*result = (struct auth_result){ .verdict = AUTH_WRONG };
	if (s->state != SCRAM_ASKED)
		return ERR_STATE;
	s->state = SCRAM_OVER;
	if (client_final.len > SCRAM_MESSAGE_MAX || scram_parse_final(client_final, &f) != ERR_OK || !read_proof(f.proof, proof))
		return ERR_SYNTAX;
	if (!is_what_was_agreed(s, &f))
		return ERR_DENIED;
	buf_add(&s->said, f.without_proof);
	if (s->said.failed || hold(s, &c) != ERR_OK) {
		result->verdict = AUTH_BUSY;
		return ERR_TEMP;
	}
	refused = attempt_is_refused(s->auth, &s->attempt, &result->retry_after_ms);
	look_for(s, c, refused, buf_span(&s->said), proof, &match);
	judge(s, c, &match, refused, result);
	attempt_count(s->attempt.protocol, result->verdict);
	if (result->verdict == AUTH_OK)
		answer_final(match.keys, buf_span(&s->said), server_final);
	if (result->verdict != AUTH_REFUSED)
		result->retry_after_ms = 0;
	credentials_release(&c);
	return result->verdict == AUTH_OK ? server_final->failed ? ERR_LIMIT : ERR_OK : ERR_DENIED;
}

bool scram_may_bind(const struct auth *a, const struct session_peer *peer)
{
	struct session_binding binding = { .exporter_len = 0 };
	const struct snapshot *s;
	bool wanted;

	if (!peer->binding)
		return false;
	s = directory_hold(a->directory);
	wanted = snapshot_number(s, SETTING_LOGIN_CHANNEL_BINDING);
	snapshot_release(&s);
	if (wanted)
		peer->binding(peer, &binding);
	return binding.exporter_len > 0 || binding.end_point_len > 0;
}
