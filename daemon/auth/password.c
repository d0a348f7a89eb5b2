/* auth/password.c: argon2id (RFC 9106) and its encoded form, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, base64 without padding.
 *
 * The memory of a hash comes from mmap and goes back at once: from malloc it would stay with the thread, 19 MiB each.
 */
#include "daemon/auth/password.h"

#include <argon2.h>
#include <sys/mman.h>

#include "daemon/auth/auth.h"
#include "daemon/base/encode.h"
#include "daemon/base/rng.h"
#include "daemon/crypto/digest.h"
#include "daemon/mime/saslprep.h"

#define MEMORY_KIB 19456
#define PASSES 2
#define LANES 1
#define OUR_PREFIX "$argon2id$v=19$m=19456,t=2,p=1$"
#define SALT_BYTES 16
#define HASH_BYTES 32

/* Of what is accepted as stored. What it costs goes with memory times passes: these take about 1.3 s. */
#define MEMORY_KIB_MAX (256 * 1024)
#define COST_KIB_MAX (1024 * 1024)
#define PASSES_MAX 16
#define LANES_MAX 4
#define FIELD_BYTES_MAX 64
#define FIELD_BYTES_MIN 8

const struct span password_nobody = { "$argon2id$v=19$m=19456,t=2,p=1$Tm9ib2R5IGxpdmVzIGhlcQ$6oT1yJr0Qx3nVb5kWc8sZd2fGh4jKl6mNp9qRs7tUvA",
				      sizeof("$argon2id$v=19$m=19456,t=2,p=1$Tm9ib2R5IGxpdmVzIGhlcQ$6oT1yJr0Qx3nVb5kWc8sZd2fGh4jKl6mNp9qRs7tUvA") - 1 };

struct parameters {
	argon2_type type;
	uint32_t memory_kib, passes, lanes;
	struct buf salt, hash;
};

static int take_memory(uint8_t **out, size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return ARGON2_MEMORY_ALLOCATION_ERROR;
	/* Fewer faults, and the hash jumps about. Only a hint. */
	(void)madvise(memory, bytes, MADV_HUGEPAGE);
	*out = memory;
	return ARGON2_OK;
}

static void give_memory(uint8_t *memory, size_t bytes)
{
	(void)munmap(memory, bytes);
}

/* The library takes the password and the salt without const, and changes neither: clearing is not asked for. */
static enum err derive(const struct parameters *p, struct span password, uint8_t *out, size_t out_len)
{
	argon2_context context = {
		.out = out,
		.outlen = (uint32_t)out_len,
		.pwd = (uint8_t *)(uintptr_t)password.ptr,
		.pwdlen = (uint32_t)password.len,
		.salt = (uint8_t *)p->salt.ptr,
		.saltlen = (uint32_t)p->salt.len,
		.t_cost = p->passes,
		.m_cost = p->memory_kib,
		.lanes = p->lanes,
		.threads = 1,
		.version = ARGON2_VERSION_13,
		.allocate_cbk = take_memory,
		.free_cbk = give_memory,
		.flags = ARGON2_DEFAULT_FLAGS,
	};
	int code = argon2_ctx(&context, p->type);

	if (code == ARGON2_OK)
		return ERR_OK;
	return code == ARGON2_MEMORY_ALLOCATION_ERROR ? ERR_TEMP : ERR_CORRUPT;
}

static bool take_text(struct span *rest, struct span text)
{
	if (!span_starts(*rest, text))
		return false;
	*rest = span_skip(*rest, text.len);
	return true;
}

static bool take_number(struct span *rest, const char *name, uint32_t max, uint32_t *out)
{
	size_t digits = 0;
	uint64_t value;

	if (!take_text(rest, span_str(name)))
		return false;
	while (digits < rest->len && ascii_is_digit(rest->ptr[digits]))
		digits++;
	if (span_to_u64(span_take(*rest, digits), max, &value) || value == 0)
		return false;
	*rest = span_skip(*rest, digits);
	*out = (uint32_t)value;
	return true;
}

static bool take_base64(struct span text, struct buf *out)
{
	struct buf padded;
	bool good;

	buf_init(&padded, FIELD_BYTES_MAX * 2);
	buf_add(&padded, text);
	while (padded.len % 4 != 0 && !padded.failed)
		buf_add_char(&padded, '=');
	good = !padded.failed && base64_decode(buf_span(&padded), out) == ERR_OK && out->len >= FIELD_BYTES_MIN;
	buf_clear(&padded);
	return good;
}

/* encoded = "$argon2" ("id" / "i") "$v=19$m=" number ",t=" number ",p=" number "$" salt "$" hash */
static bool parse(struct span encoded, struct parameters *p)
{
	struct span rest = encoded, salt;

	p->type = span_starts(encoded, SPAN("$argon2i$")) ? Argon2_i : Argon2_id;
	return take_text(&rest, p->type == Argon2_i ? SPAN("$argon2i$v=19$") : SPAN("$argon2id$v=19$")) && take_number(&rest, "m=", MEMORY_KIB_MAX, &p->memory_kib) &&
	       take_number(&rest, ",t=", PASSES_MAX, &p->passes) && take_number(&rest, ",p=", LANES_MAX, &p->lanes) &&
	       (uint64_t)p->memory_kib * p->passes <= COST_KIB_MAX && p->memory_kib >= 8 * p->lanes &&
	       take_text(&rest, SPAN("$")) && span_split(&rest, '$', &salt) && rest.ptr &&
	       take_base64(salt, &p->salt) && take_base64(rest, &p->hash);
}

bool password_is_argon2(struct span encoded)
{
	struct parameters p;
	bool good;

	buf_init(&p.salt, FIELD_BYTES_MAX);
	buf_init(&p.hash, FIELD_BYTES_MAX);
	good = parse(encoded, &p);
	buf_clear(&p.salt);
	buf_clear(&p.hash);
	return good;
}

bool password_is_ours(struct span encoded)
{
	return span_starts(encoded, SPAN(OUR_PREFIX));
}

enum err password_verify(struct span encoded, struct span password, bool *match_out)
{
	struct parameters p;
	uint8_t hash[FIELD_BYTES_MAX];
	enum err e = ERR_CORRUPT;

	*match_out = false;
	buf_init(&p.salt, FIELD_BYTES_MAX);
	buf_init(&p.hash, FIELD_BYTES_MAX);
	if (parse(encoded, &p))
		e = derive(&p, password, hash, p.hash.len);
	if (!e)
		*match_out = crypto_equals(hash, p.hash.ptr, p.hash.len);
	explicit_bzero(hash, sizeof(hash));
	buf_clear(&p.salt);
	buf_clear(&p.hash);
	return e;
}

static void add_base64(struct span bytes, struct buf *out)
{
	base64_encode(bytes, out);
	while (out->len > 0 && out->ptr[out->len - 1] == '=')
		out->len--;
}

size_t password_characters(struct span text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return n;
}

struct span password_prepare(struct span password, struct buf *room)
{
	return span_is_ascii(password) || saslprep(password, room) || !room->len ? password : buf_span(room);
}

enum err auth_hash_password(struct span password, struct buf *out)
{
	struct parameters p = { .type = Argon2_id, .memory_kib = MEMORY_KIB, .passes = PASSES, .lanes = LANES };
	uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
	struct buf room;
	enum err e;

	if (password_characters(password) < AUTH_PASSWORD_MIN || password.len > AUTH_PASSWORD_MAX)
		return ERR_LIMIT;
	rng_bytes(salt, sizeof(salt));
	buf_init(&p.salt, FIELD_BYTES_MAX);
	buf_add(&p.salt, span_make((const char *)salt, sizeof(salt)));
	buf_init(&room, PASSWORD_PREPARED_MAX);
	e = p.salt.failed ? ERR_TEMP : derive(&p, password_prepare(password, &room), hash, sizeof(hash));
	buf_wipe(&room);
	buf_clear(&p.salt);
	if (e)
		return ERR_TEMP;
	buf_add_str(out, OUR_PREFIX);
	add_base64(span_make((const char *)salt, sizeof(salt)), out);
	buf_add_char(out, '$');
	add_base64(span_make((const char *)hash, sizeof(hash)), out);
	return out->failed ? ERR_LIMIT : ERR_OK;
}
