/* auth/imported.c: reading, checking and comparing hashes of other programs.
 *
 *   given     = ["{" scheme ["." encoding] "}"] value      ; Dovecot's way
 *   $6$       = "$6$" ["rounds=" 1*DIGIT "$"] salt "$" 86(b64)      ; $5$ with 43
 *   bcrypt    = "$2" ("a" / "b" / "y") "$" 2DIGIT "$" 53(b64)
 *   yescrypt  = "$y$" flavour cost blocks "$" salt "$" 43(b64)
 */
#include "daemon/auth/imported.h"

#include <crypt.h>
#include <stdlib.h>

#include "daemon/auth/auth.h"
#include "daemon/auth/password.h"
#include "daemon/base/encode.h"
#include "daemon/base/rng.h"
#include "daemon/crypto/digest.h"

/* Ceilings: sha-crypt with 1,000,000 rounds, bcrypt with 14 and yescrypt with 2^15 blocks of 4 KiB (128 MiB) take 0.5 to 1 s here. */
#define ROUNDS_MAX 1000000
#define BCRYPT_COST_MIN 4
#define BCRYPT_COST_MAX 14
#define YESCRYPT_BLOCKS_LOG2_MAX 15
#define CRYPT_TEXT_MAX 256
#define SALT_MAX 64
#define DIGEST_MAX 64
#define PLAIN_SALT_BYTES 16

static const char crypt_letters[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* ---- crypt(5) ---- */

static bool is_of(struct span text, const char *letters, size_t min, size_t max)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\0' || !strchr(letters, text.ptr[i]))
			return false;
	}
	return text.len >= min && text.len <= max;
}

static bool is_sha_crypt(struct span rest, size_t hash_len)
{
	struct span salt, rounds;
	uint64_t count;

	if (span_starts(rest, SPAN("rounds="))) {
		rest = span_skip(rest, 7);
		if (!span_split(&rest, '$', &rounds) || span_to_u64(rounds, ROUNDS_MAX, &count) || count < 1000)
			return false;
	}
	return span_split(&rest, '$', &salt) && rest.ptr && is_of(salt, crypt_letters, 0, 16) && is_of(rest, crypt_letters, hash_len, hash_len);
}

static bool is_bcrypt(struct span rest)
{
	uint64_t cost;

	if (rest.len != 56 || rest.ptr[2] != '$' || span_to_u64(span_take(rest, 2), BCRYPT_COST_MAX, &cost) || cost < BCRYPT_COST_MIN)
		return false;
	return is_of(span_skip(rest, 3), crypt_letters, 53, 53);
}

/* Flavour 'j' is the one that libcrypt writes; then log2 of the number of blocks, less one, and the size of a block (in 128 bytes), less one. */
static bool is_yescrypt(struct span rest)
{
	struct span settings, salt;

	if (!span_split(&rest, '$', &settings) || !span_split(&rest, '$', &salt) || !rest.ptr)
		return false;
	if (settings.len != 3 || settings.ptr[0] != 'j' || (settings.ptr[2] != 'T' && settings.ptr[2] != '5'))
		return false;
	return is_of(span_take(span_skip(settings, 1), 1), "/0123456789ABC", 1, 1) && is_of(salt, crypt_letters, 1, 86) && is_of(rest, crypt_letters, 43, 43);
}

_Static_assert(YESCRYPT_BLOCKS_LOG2_MAX == 15, "is_yescrypt() takes letters up to 'C': 2^15 blocks");

static bool is_crypt(struct span text)
{
	if (text.len < 4 || text.len > CRYPT_TEXT_MAX)
		return false;
	if (span_starts(text, SPAN("$6$")))
		return is_sha_crypt(span_skip(text, 3), 86);
	if (span_starts(text, SPAN("$5$")))
		return is_sha_crypt(span_skip(text, 3), 43);
	if (span_starts(text, SPAN("$y$")))
		return is_yescrypt(span_skip(text, 3));
	if (span_starts(text, SPAN("$2a$")) || span_starts(text, SPAN("$2b$")) || span_starts(text, SPAN("$2y$")))
		return is_bcrypt(span_skip(text, 4));
	return false;
}

/* libcrypt takes C strings, and wants a state of 32 KiB that holds the password afterwards. */
static enum err run_crypt(struct span password, const char *setting, char out[CRYPT_TEXT_MAX + 1])
{
	char phrase[CRYPT_MAX_PASSPHRASE_SIZE] = "";
	struct crypt_data *data;
	const char *text;
	enum err e = ERR_CORRUPT;

	/* A longer one was never hashed by libcrypt, and a NUL would cut it. */
	if (password.len >= sizeof(phrase) || (password.len > 0 && memchr(password.ptr, '\0', password.len)))
		return ERR_NOT_FOUND;
	data = calloc(1, sizeof(*data));
	if (!data)
		return ERR_TEMP;
	if (password.len > 0)
		memcpy(phrase, password.ptr, password.len);
	text = crypt_rn(phrase, setting, data, sizeof(*data));
	if (text && text[0] != '*' && strlen(text) <= CRYPT_TEXT_MAX) {
		memcpy(out, text, strlen(text) + 1);
		e = ERR_OK;
	}
	explicit_bzero(phrase, sizeof(phrase));
	explicit_bzero(data, sizeof(*data));
	free(data);
	return e;
}

static enum err verify_crypt(struct span stored, struct span password, bool *match_out)
{
	char setting[CRYPT_TEXT_MAX + 1] = "", text[CRYPT_TEXT_MAX + 1] = "";
	enum err e;

	memcpy(setting, stored.ptr, stored.len);
	e = run_crypt(password, setting, text);
	if (!e)
		*match_out = strlen(text) == stored.len && crypto_equals(text, setting, stored.len);
	explicit_bzero(text, sizeof(text));
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* ---- {SCHEME} ---- */

struct scheme {
	struct span name;
	size_t digest_bytes;
	bool salted;
	void (*digest)(struct span in, uint8_t *out);
};

static const struct scheme schemes[] = {
	{ { "{SHA}", 5 }, SHA1_BYTES, false, crypto_sha1 },
	{ { "{SSHA}", 6 }, SHA1_BYTES, true, crypto_sha1 },
	{ { "{SHA256}", 8 }, SHA256_BYTES, false, crypto_sha256 },
	{ { "{SSHA256}", 9 }, SHA256_BYTES, true, crypto_sha256 },
	{ { "{SHA512}", 8 }, SHA512_BYTES, false, crypto_sha512 },
	{ { "{SSHA512}", 9 }, SHA512_BYTES, true, crypto_sha512 },
};

static const struct scheme *scheme_of(struct span stored)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (span_starts(stored, schemes[i].name))
			return &schemes[i];
	}
	return NULL;
}

static bool has_right_length(const struct scheme *scheme, size_t len)
{
	return scheme->salted ? len > scheme->digest_bytes && len <= scheme->digest_bytes + SALT_MAX : len == scheme->digest_bytes;
}

static enum err verify_scheme(const struct scheme *scheme, struct span stored, struct span password, bool *match_out)
{
	struct buf value, salted;
	uint8_t digest[DIGEST_MAX];
	enum err e;

	buf_init(&value, DIGEST_MAX + SALT_MAX);
	buf_init(&salted, AUTH_PASSWORD_MAX + SALT_MAX);
	e = base64_decode(span_skip(stored, scheme->name.len), &value);
	if (e || !has_right_length(scheme, value.len)) {
		e = ERR_CORRUPT;
	} else {
		(void)buf_reserve(&salted, password.len + SALT_MAX);
		buf_add(&salted, password);
		buf_add(&salted, span_skip(buf_span(&value), scheme->digest_bytes));
		scheme->digest(buf_span(&salted), digest);
		*match_out = !salted.failed && crypto_equals(digest, value.ptr, scheme->digest_bytes);
		explicit_bzero(digest, sizeof(digest));
	}
	buf_wipe(&salted);
	buf_clear(&value);
	return e;
}

bool imported_is(struct span stored)
{
	return is_crypt(stored) || scheme_of(stored);
}

enum err imported_verify(struct span stored, struct span password, bool *match_out)
{
	const struct scheme *scheme = scheme_of(stored);

	*match_out = false;
	if (scheme)
		return verify_scheme(scheme, stored, password, match_out);
	return is_crypt(stored) ? verify_crypt(stored, password, match_out) : ERR_CORRUPT;
}

/* ---- coming in ---- */

enum encoding { ENCODING_NONE,
		ENCODING_HEX,
		ENCODING_BASE64 };

/* Takes "{NAME.ENCODING}" off the front, in upper case. False: there is none. */
static bool take_scheme(struct span *rest, char name[32], enum encoding *encoding_out)
{
	size_t end, dot;
	struct span inside;

	*encoding_out = ENCODING_NONE;
	if (rest->len == 0 || rest->ptr[0] != '{' || !span_find_char(*rest, '}', &end) || end > 30)
		return false;
	inside = span_take(span_skip(*rest, 1), end - 1);
	*rest = span_skip(*rest, end + 1);
	if (span_find_char(inside, '.', &dot)) {
		struct span encoding = span_skip(inside, dot + 1);

		if (span_iequals(encoding, SPAN("HEX")))
			*encoding_out = ENCODING_HEX;
		else if (span_iequals(encoding, SPAN("B64")) || span_iequals(encoding, SPAN("BASE64")))
			*encoding_out = ENCODING_BASE64;
		else
			dot = inside.len;
		inside = span_take(inside, dot);
	}
	for (size_t i = 0; i < inside.len; i++)
		name[i] = ascii_upper(inside.ptr[i]);
	name[inside.len] = '\0';
	return true;
}

static enum err decode(struct span value, enum encoding encoding, struct buf *out)
{
	switch (encoding) {
	case ENCODING_NONE: buf_add(out, value); break;
	case ENCODING_HEX: return hex_decode(value, out);
	case ENCODING_BASE64: return base64_decode(value, out);
	}
	return out->failed ? ERR_LIMIT : ERR_OK;
}

/* Digests are base64 when nothing else is said; hex has exactly twice the length of the digest. */
static enum err import_digest(const struct scheme *scheme, struct span value, enum encoding encoding, struct buf *out)
{
	struct buf bytes;
	enum err e;

	buf_init(&bytes, DIGEST_MAX + SALT_MAX);
	if (encoding == ENCODING_NONE)
		encoding = !scheme->salted && value.len == scheme->digest_bytes * 2 ? ENCODING_HEX : ENCODING_BASE64;
	e = decode(value, encoding, &bytes);
	if (!e && !has_right_length(scheme, bytes.len))
		e = ERR_SYNTAX;
	if (!e) {
		buf_add(out, scheme->name);
		base64_encode(buf_span(&bytes), out);
	}
	buf_clear(&bytes);
	return e;
}

/* A password in plain is not stored as such, nor can an import wait for an argon2 each: salted SHA-512, until its first login. */
static enum err import_plain(struct span value, enum encoding encoding, struct buf *out)
{
	const struct scheme *scheme = scheme_of(SPAN("{SSHA512}"));
	uint8_t bytes[SHA512_BYTES + PLAIN_SALT_BYTES];
	struct buf salted;
	enum err e;

	buf_init(&salted, AUTH_PASSWORD_MAX + PLAIN_SALT_BYTES);
	(void)buf_reserve(&salted, salted.max);
	e = decode(value, encoding, &salted);
	if (!e && (salted.len == 0 || salted.len > AUTH_PASSWORD_MAX))
		e = ERR_SYNTAX;
	if (!e) {
		rng_bytes(bytes + SHA512_BYTES, PLAIN_SALT_BYTES);
		buf_add(&salted, span_make((const char *)bytes + SHA512_BYTES, PLAIN_SALT_BYTES));
		crypto_sha512(buf_span(&salted), bytes);
		buf_add(out, scheme->name);
		base64_encode(span_make((const char *)bytes, sizeof(bytes)), out);
	}
	buf_wipe(&salted);
	return e;
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static enum err import_scheme(const char *name, enum encoding encoding, struct span value, struct buf *out)
{
	static const char *const plain[] = { "PLAIN", "CLEAR", "CLEARTEXT" };
	static const char *const own[] = { "CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "BLF-CRYPT", "ARGON2ID", "ARGON2I" };
	char braced[36] = "{";
	const struct scheme *scheme;

	if (is_one_of(name, plain, sizeof(plain) / sizeof(plain[0])))
		return import_plain(value, encoding, out);
	if (is_one_of(name, own, sizeof(own) / sizeof(own[0]))) {
		if (encoding != ENCODING_NONE || (!is_crypt(value) && !password_is_argon2(value)))
			return ERR_SYNTAX;
		buf_add(out, value);
		return ERR_OK;
	}
	if (strcmp(name, "SHA1") == 0)
		name = "SHA";
	memcpy(braced + 1, name, strlen(name));
	memcpy(braced + 1 + strlen(name), "}", 2);
	scheme = scheme_of(span_str(braced));
	return scheme ? import_digest(scheme, value, encoding, out) : ERR_SYNTAX;
}

enum err auth_import_hash(struct span given, struct buf *out, struct note *why)
{
	struct span value = given;
	enum encoding encoding;
	char name[32];
	enum err e = ERR_SYNTAX;

	if (given.len <= AUTH_PASSWORD_MAX * 2 && take_scheme(&value, name, &encoding)) {
		e = import_scheme(name, encoding, value, out);
	} else if (is_crypt(given) || password_is_argon2(given)) {
		buf_add(out, given);
		e = ERR_OK;
	}
	if (!e && out->failed)
		e = ERR_LIMIT;
	if (e)
		note_set(why, "not a hash that is taken: $y$, $5$, $6$, $2a$ $2b$ $2y$, $argon2id$, $argon2i$ or {PLAIN}, {SHA}, {SSHA}, {SHA256}, {SSHA256}, {SHA512}, {SSHA512}, "
			      "{CRYPT}...; or it would take too long to compute");
	return e == ERR_OK ? ERR_OK : ERR_SYNTAX;
}
