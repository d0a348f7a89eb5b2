/* auth/passkey.c: the ceremonies of WebAuthn, sections 7.1 (registration) and 7.2 (login), step by step.
 *
 * (1) A challenge is used up only by a right signature, or a registration that is right in all else: nobody can use up those of others.
 * (2) The signature counter is compared and stored in one statement: of two logins with one value, one is refused.
 */
#include "daemon/auth/passkey.h"

#include "daemon/auth/attempt.h"
#include "daemon/auth/challenge.h"
#include "daemon/auth/inside.h"
#include "daemon/auth/passkey_cbor.h"
#include "daemon/auth/passkey_json.h"
#include "daemon/base/clock.h"
#include "daemon/directory/directory.h"
#include "db/control_passkey.h"
#include "db/control_totp.h"

#define WORK_MAX (256 * 1024)
#define CREDENTIAL_MAX 1023 /* WebAuthn 7.1, step 23 */

/* WebAuthn 6.1. */
#define FLAG_PRESENT 0x01
#define FLAG_VERIFIED 0x04
#define FLAG_BACKUP_ELIGIBLE 0x08
#define FLAG_BACKED_UP 0x10
#define FLAG_CREDENTIAL 0x40
#define FLAG_EXTENSIONS 0x80
#define AAGUID_BYTES 16

struct auth_data {
	struct span rp_hash;
	unsigned flags;
	uint32_t sign_count;
	struct span credential, public_key; /* with FLAG_CREDENTIAL */
};

void passkey_challenge(struct auth *a, uint64_t account_id, uint8_t out[PASSKEY_CHALLENGE_BYTES])
{
	challenge_make(&a->challenges, account_id, out);
}

void passkey_user_handle(const struct auth *a, uint64_t account_id, uint8_t out[PASSKEY_USER_BYTES])
{
	uint8_t key[SHA256_BYTES];

	directory_derive_key(a->directory, SPAN("passkey user"), key);
	crypto_hmac_sha256(span_make((const char *)key, sizeof(key)), span_make((const char *)&account_id, sizeof(account_id)), out);
	explicit_bzero(key, sizeof(key));
}

/* ---- reading ---- */

static uint32_t number(struct span s, size_t bytes)
{
	uint32_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n = n << 8 | (unsigned char)s.ptr[i];
	return n;
}

static bool take(struct span *rest, size_t count, struct span *out)
{
	if (rest->len < count)
		return false;
	*out = span_take(*rest, count);
	*rest = span_skip(*rest, count);
	return true;
}

static bool take_cbor(struct span *rest, struct span *out)
{
	size_t len;

	return cbor_measure(*rest, &len) == ERR_OK && take(rest, len, out);
}

/* WebAuthn 6.5.1: aaguid (16), length (2), credential id, COSE key. */
static bool take_credential(struct span *rest, struct auth_data *out)
{
	struct span skipped, length;

	if (!take(rest, AAGUID_BYTES, &skipped) || !take(rest, 2, &length))
		return false;
	return take(rest, number(length, 2), &out->credential) && out->credential.len > 0 && out->credential.len <= CREDENTIAL_MAX && take_cbor(rest, &out->public_key);
}

/* WebAuthn 6.1: hash of the relying party's id (32), flags (1), counter (4), and what the flags announce. */
static bool read_auth_data(struct span data, struct auth_data *out)
{
	struct span flags, count, extensions;

	memset(out, 0, sizeof(*out));
	if (!take(&data, SHA256_BYTES, &out->rp_hash) || !take(&data, 1, &flags) || !take(&data, 4, &count))
		return false;
	out->flags = number(flags, 1);
	out->sign_count = number(count, 4);
	if ((out->flags & FLAG_CREDENTIAL) && !take_credential(&data, out))
		return false;
	if ((out->flags & FLAG_EXTENSIONS) && !take_cbor(&data, &extensions))
		return false;
	return data.len == 0;
}

/* ---- what both ceremonies check ---- */

static enum err check_client(struct auth *a, uint64_t account_id, const struct client_data *client, struct span type, struct span origin, struct note *why)
{
	const char *wrong = NULL;

	if (!span_equals(client->type, type))
		wrong = "of another kind";
	else if (!span_equals(client->origin, origin) || client->cross_origin)
		wrong = "made for another site";
	else if (!challenge_is_good(&a->challenges, account_id, client->challenge))
		wrong = "for a challenge that is not ours, was used, or has run out";
	if (wrong)
		note_set(why, "the answer is %s", wrong);
	return wrong ? ERR_DENIED : ERR_OK;
}

static enum err check_auth_data(const struct auth_data *data, struct span rp_id, struct note *why)
{
	uint8_t hash[SHA256_BYTES];
	const char *wrong = NULL;

	crypto_sha256(rp_id, hash);
	if (!crypto_equals(hash, data->rp_hash.ptr, sizeof(hash)))
		wrong = "the key is for another host name";
	else if (!(data->flags & FLAG_PRESENT) || !(data->flags & FLAG_VERIFIED))
		wrong = "the device did not verify its user (PIN, finger or face)";
	else if ((data->flags & FLAG_BACKED_UP) && !(data->flags & FLAG_BACKUP_ELIGIBLE))
		wrong = "the flags contradict each other";
	if (wrong)
		note_set(why, "%s", wrong);
	return wrong ? ERR_DENIED : ERR_OK;
}

/* ---- registration ---- */

static bool is_label(struct span s)
{
	if (s.len == 0 || s.len > PASSKEY_LABEL_MAX || !span_is_utf8(s))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return false;
	}
	return true;
}

struct adding {
	struct db_passkey row;
	uint64_t id;
};

static enum err add(struct db *db, void *arg)
{
	struct adding *adding = arg;
	unsigned count;
	enum err e = db_passkey_count(db, adding->row.account_id, &count);

	if (!e && count >= PASSKEYS_MAX)
		e = ERR_LIMIT;
	return e ? e : db_passkey_add(db, &adding->row, &adding->id);
}

static enum err read_registration(const struct passkey_registration *given, struct arena *arena, struct client_data *client, struct auth_data *data, struct note *why)
{
	struct verify_key key;
	struct span bytes;

	if (!is_label(given->label)) {
		note_set(why, "a label has 1 to %d bytes and no control characters", PASSKEY_LABEL_MAX);
		return ERR_SYNTAX;
	}
	note_set(why, "that is not what a browser sends");
	if (client_data_read(given->client_data, arena, client) != ERR_OK || cbor_read_attestation(given->attestation_object, arena, &bytes) != ERR_OK ||
	    !read_auth_data(bytes, data) || !(data->flags & FLAG_CREDENTIAL))
		return ERR_SYNTAX;
	note_set(why, "the key is of a kind that is not taken (ES256, EdDSA and RS256 are)");
	return cose_read_key(data->public_key, arena, &key) == ERR_OK ? crypto_verify_check_key(&key) : ERR_SYNTAX;
}

static enum err store(struct auth *a, uint64_t account_id, const struct passkey_registration *given, const struct auth_data *data, uint64_t *id_out, struct note *why)
{
	struct adding adding = {
		.row = {
			.account_id = account_id,
			.credential = data->credential,
			.public_key = data->public_key,
			.sign_count = data->sign_count,
			.label = given->label,
			.created_ms = clock_real_ms(),
		},
	};
	enum err e = directory_write(a->directory, add, &adding, why);

	if (e == ERR_EXISTS)
		note_set(why, "the key is registered already");
	else if (e == ERR_LIMIT)
		note_set(why, "an account has at most %d passkeys", PASSKEYS_MAX);
	*id_out = adding.id;
	auth_forget(a, account_id);
	return e;
}

enum err passkey_register(struct auth *a, uint64_t account_id, const struct passkey_registration *given, uint64_t *id_out, struct note *why)
{
	struct client_data client;
	struct auth_data data;
	struct arena arena;
	enum err e;

	arena_init(&arena, WORK_MAX);
	e = read_registration(given, &arena, &client, &data, why);
	if (!e)
		e = check_client(a, account_id, &client, SPAN("webauthn.create"), given->origin, why);
	if (!e)
		e = check_auth_data(&data, given->rp_id, why);
	if (!e) {
		e = challenge_use(&a->challenges, account_id, client.challenge);
		note_set(why, "the challenge was used");
	}
	if (!e)
		e = store(a, account_id, given, &data, id_out, why);
	arena_clear(&arena);
	return e;
}

/* ---- login ---- */

struct finding {
	struct span credential;
	struct arena *arena;
	struct db_passkey found;
	uint32_t count;
};

static enum err keep(void *arg, const struct db_passkey *p)
{
	struct finding *f = arg;

	f->found = *p;
	f->found.public_key = arena_copy(f->arena, p->public_key);
	f->found.credential = f->found.label = SPAN("");
	return f->found.public_key.ptr ? ERR_OK : ERR_TEMP;
}

static enum err find(struct db *db, void *arg)
{
	struct finding *f = arg;

	return db_passkey_find(db, f->credential, keep, f);
}

static enum err used(struct db *db, void *arg)
{
	const struct finding *f = arg;

	return db_passkey_used(db, f->found.id, f->found.sign_count, f->count, clock_real_ms());
}

/* 7.2 step 19 and 20: the signature is over the authenticator data and the hash of the client data. */
static enum err check_signature(const struct passkey_assertion *given, struct span public_key, struct arena *arena)
{
	uint8_t hash[SHA256_BYTES];
	struct verify_key key;
	struct buf message;
	enum err e = cose_read_key(public_key, arena, &key);

	if (e)
		return ERR_CORRUPT;
	crypto_sha256(given->client_data, hash);
	buf_init(&message, given->authenticator_data.len + sizeof(hash));
	buf_add(&message, given->authenticator_data);
	buf_add(&message, span_make((const char *)hash, sizeof(hash)));
	e = message.failed ? ERR_TEMP : crypto_verify(&key, buf_span(&message), given->signature);
	buf_clear(&message);
	return e;
}

/* 7.2 step 6: nobody was named before, so the handle must be there, and be that of the key's owner. */
static bool is_owner(const struct auth *a, uint64_t account_id, struct span handle)
{
	uint8_t wanted[PASSKEY_USER_BYTES];

	passkey_user_handle(a, account_id, wanted);
	return handle.len == sizeof(wanted) && crypto_equals(wanted, handle.ptr, sizeof(wanted));
}

/* 7.2 step 21: one that does not grow is a copy of the key, unless it never counts. */
static bool counts_on(uint32_t stored, uint32_t given)
{
	return (stored == 0 && given == 0) || given > stored;
}

static bool may_log_in(const struct auth *a, uint64_t account_id)
{
	const struct snapshot *s = directory_hold(a->directory);
	const struct account *account = snapshot_account(s, account_id);
	bool may = account && !account->disabled && !account->is_shared;

	snapshot_release(&s);
	return may;
}

static enum err prove(struct auth *a, const struct passkey_assertion *given, struct finding *f, struct note *why)
{
	struct client_data client;
	struct auth_data data;
	enum err e;

	note_set(why, "that is not what a browser sends");
	if (given->authenticator_data.len > CBOR_BYTES_MAX || client_data_read(given->client_data, f->arena, &client) != ERR_OK ||
	    !read_auth_data(given->authenticator_data, &data))
		return ERR_DENIED;
	e = check_client(a, 0, &client, SPAN("webauthn.get"), given->origin, why);
	if (!e)
		e = check_auth_data(&data, given->rp_id, why);
	if (e)
		return e;
	note_set(why, "the key belongs to somebody else");
	if (!is_owner(a, f->found.account_id, given->user_handle))
		return ERR_DENIED;
	note_set(why, "the signature does not fit");
	e = check_signature(given, f->found.public_key, f->arena);
	if (e)
		return e;
	note_set(why, "the account is suspended");
	if (!may_log_in(a, f->found.account_id))
		return ERR_DENIED;
	note_set(why, "the key's counter went back: it was copied");
	f->count = data.sign_count;
	if (!counts_on(f->found.sign_count, data.sign_count))
		return ERR_DENIED;
	e = challenge_use(&a->challenges, 0, client.challenge);
	note_set(why, "the challenge was used");
	if (e)
		return e;
	e = directory_write(a->directory, used, f, why);
	return e == ERR_NOT_FOUND ? ERR_DENIED : e;
}

enum err passkey_login(struct auth *a, const struct passkey_assertion *given, const struct net_addr *peer, uint64_t *account_id_out, int64_t *delay_ms_out, struct note *why)
{
	struct attempt attempt;
	struct arena arena;
	struct finding f = { .credential = given->credential, .arena = &arena };
	enum err e;

	*account_id_out = 0;
	*delay_ms_out = 0;
	arena_init(&arena, WORK_MAX);
	e = directory_read(a->directory, find, &f);
	if (e == ERR_NOT_FOUND) {
		note_set(why, "no such key");
		attempt_begin(a, AUTH_WEB, SPAN(""), peer, &attempt);
		e = ERR_DENIED;
	} else if (!e) {
		attempt_begin_account(a, AUTH_WEB, f.found.account_id, peer, &attempt);
		e = prove(a, given, &f, why);
	}
	if (e == ERR_DENIED)
		*delay_ms_out = attempt_failed(a, &attempt, 0);
	attempt_count(AUTH_WEB, !e ? AUTH_OK : e == ERR_DENIED ? AUTH_WRONG
							       : AUTH_BUSY);
	if (!e) {
		*account_id_out = f.found.account_id;
		attempt_passed(a, &attempt, 0);
	}
	arena_clear(&arena);
	return e;
}

/* ---- list, remove ---- */

struct listing {
	uint64_t account_id;
	struct arena *arena;
	struct passkey *keys;
	size_t count;
};

static enum err list_one(void *arg, const struct db_passkey *p)
{
	struct listing *l = arg;

	if (l->count == PASSKEYS_MAX)
		return ERR_CORRUPT;
	l->keys[l->count++] = (struct passkey){
		.id = p->id,
		.credential = arena_copy(l->arena, p->credential),
		.label = arena_copy(l->arena, p->label),
		.created_ms = p->created_ms,
		.used_ms = p->used_ms,
	};
	return l->arena->failed ? ERR_TEMP : ERR_OK;
}

static enum err list_all(struct db *db, void *arg)
{
	struct listing *l = arg;

	return db_passkey_each(db, l->account_id, list_one, l);
}

enum err passkey_list(struct auth *a, uint64_t account_id, struct arena *arena, struct passkey **out, size_t *count_out)
{
	struct listing l = { .account_id = account_id, .arena = arena, .keys = arena_array(arena, PASSKEYS_MAX, sizeof(**out)) };
	enum err e = l.keys ? directory_read(a->directory, list_all, &l) : ERR_TEMP;

	*out = l.keys;
	*count_out = e ? 0 : l.count;
	return e;
}

struct removing {
	uint64_t account_id, id;
};

static enum err remove_one(struct db *db, void *arg)
{
	const struct removing *r = arg;
	struct db_totp totp = { .confirmed = false };
	struct buf sealed;
	unsigned left = 0;
	enum err e = db_passkey_remove(db, r->account_id, r->id);

	if (!e)
		e = db_passkey_count(db, r->account_id, &left);
	if (e || left > 0)
		return e;
	buf_init(&sealed, WORK_MAX);
	e = db_totp_get(db, r->account_id, &totp, &sealed);
	buf_clear(&sealed);
	if (e == ERR_NOT_FOUND || (!e && !totp.confirmed))
		e = db_recovery_clear(db, r->account_id);
	return e;
}

enum err passkey_remove(struct auth *a, uint64_t account_id, uint64_t id)
{
	struct removing r = { account_id, id };
	enum err e = directory_write(a->directory, remove_one, &r, NULL);

	auth_forget(a, account_id);
	return e;
}
