/* auth/passkey_cbor.c: a gate of our own, then libcbor.
 *
 * Behind the gate every length fits the input, so that nothing is allocated for what is not there, and nesting is shallow,
 * so that freeing the tree does not recurse far.
 */
#include "daemon/auth/passkey_cbor.h"

#include <cbor.h>

/* RFC 8949 section 3. */
enum major { MAJOR_UNSIGNED,
	     MAJOR_NEGATIVE,
	     MAJOR_BYTES,
	     MAJOR_TEXT,
	     MAJOR_ARRAY,
	     MAJOR_MAP,
	     MAJOR_TAG,
	     MAJOR_SIMPLE };

#define SIMPLE_FALSE 20
#define SIMPLE_NULL 22
#define INFO_ONE_BYTE 24
#define INFO_EIGHT_BYTES 27

/* RFC 9052 section 7, RFC 9053 sections 2 and 7, RFC 8230. */
enum { COSE_KTY = 1,
       COSE_ALG = 3,
       COSE_CRV = -1,
       COSE_X = -2,
       COSE_Y = -3,
       COSE_N = -1,
       COSE_E = -2 };
enum { KTY_OKP = 1,
       KTY_EC2 = 2,
       KTY_RSA = 3 };
enum { ALG_ES256 = -7,
       ALG_EDDSA = -8,
       ALG_RS256 = -257 };
enum { CRV_P256 = 1,
       CRV_ED25519 = 6 };

struct head {
	enum major major;
	unsigned info;
	uint64_t value;
};

static bool take_head(struct span *rest, struct head *out)
{
	size_t bytes;

	if (rest->len == 0)
		return false;
	out->major = (enum major)((unsigned char)rest->ptr[0] >> 5);
	out->info = (unsigned char)rest->ptr[0] & 31;
	out->value = out->info;
	*rest = span_skip(*rest, 1);
	if (out->info < INFO_ONE_BYTE)
		return true;
	if (out->info > INFO_EIGHT_BYTES)
		return false;
	bytes = (size_t)1 << (out->info - INFO_ONE_BYTE);
	if (rest->len < bytes)
		return false;
	out->value = 0;
	for (size_t i = 0; i < bytes; i++)
		out->value = out->value << 8 | (unsigned char)rest->ptr[i];
	*rest = span_skip(*rest, bytes);
	return true;
}

static bool take_item(struct span *rest, unsigned depth);

static bool take_items(struct span *rest, uint64_t count, unsigned depth)
{
	/* Each takes a byte at least. */
	if (count > rest->len)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		if (!take_item(rest, depth))
			return false;
	}
	return true;
}

static bool take_string(struct span *rest, const struct head *head)
{
	struct span text;

	if (head->value > rest->len)
		return false;
	text = span_take(*rest, (size_t)head->value);
	*rest = span_skip(*rest, text.len);
	return head->major == MAJOR_BYTES || span_is_utf8(text);
}

/* Floating point of two bytes and more is a simple value's encoding, too. */
static bool is_known_simple(const struct head *head)
{
	return (head->info >= SIMPLE_FALSE && head->info <= SIMPLE_NULL) || (head->info > INFO_ONE_BYTE && head->info <= INFO_EIGHT_BYTES);
}

static bool take_item(struct span *rest, unsigned depth)
{
	struct head head;

	if (depth > CBOR_DEPTH_MAX || !take_head(rest, &head))
		return false;
	switch (head.major) {
	case MAJOR_UNSIGNED:
	case MAJOR_NEGATIVE: return true;
	case MAJOR_BYTES:
	case MAJOR_TEXT: return take_string(rest, &head);
	case MAJOR_ARRAY: return take_items(rest, head.value, depth + 1);
	case MAJOR_MAP: return head.value <= rest->len && take_items(rest, head.value * 2, depth + 1);
	case MAJOR_TAG: return false;
	case MAJOR_SIMPLE: return is_known_simple(&head);
	}
	return false;
}

enum err cbor_measure(struct span in, size_t *len_out)
{
	struct span rest = in;

	if (in.len > CBOR_BYTES_MAX)
		return ERR_LIMIT;
	if (!take_item(&rest, 1))
		return ERR_SYNTAX;
	*len_out = in.len - rest.len;
	return ERR_OK;
}

/* A whole map and nothing behind it. To be freed by cbor_decref(). */
static enum err load_map(struct span in, cbor_item_t **out)
{
	struct cbor_load_result result;
	size_t len;
	enum err e = cbor_measure(in, &len);

	if (e)
		return e;
	if (len != in.len)
		return ERR_SYNTAX;
	*out = cbor_load((cbor_data)in.ptr, in.len, &result);
	if (!*out)
		return result.error.code == CBOR_ERR_MEMERROR ? ERR_TEMP : ERR_SYNTAX;
	if (cbor_isa_map(*out))
		return ERR_OK;
	cbor_decref(out);
	return ERR_SYNTAX;
}

static bool is_text(const cbor_item_t *item, struct span text)
{
	return cbor_isa_string(item) && span_equals(span_make((const char *)cbor_string_handle(item), cbor_string_length(item)), text);
}

/* Null: not there, or there twice. */
static const cbor_item_t *find_text(const cbor_item_t *map, struct span key)
{
	const struct cbor_pair *pairs = cbor_map_handle(map);
	const cbor_item_t *found = NULL;

	for (size_t i = 0; i < cbor_map_size(map); i++) {
		if (!is_text(pairs[i].key, key))
			continue;
		if (found)
			return NULL;
		found = pairs[i].value;
	}
	return found;
}

static bool get_int(const cbor_item_t *item, int64_t *out)
{
	uint64_t value;

	if (!item || !cbor_is_int(item))
		return false;
	value = cbor_get_int(item);
	if (value > INT32_MAX)
		return false;
	*out = cbor_isa_negint(item) ? -1 - (int64_t)value : (int64_t)value;
	return true;
}

static const cbor_item_t *find_int(const cbor_item_t *map, int64_t key)
{
	const struct cbor_pair *pairs = cbor_map_handle(map);
	const cbor_item_t *found = NULL;
	int64_t number;

	for (size_t i = 0; i < cbor_map_size(map); i++) {
		if (!get_int(pairs[i].key, &number) || number != key)
			continue;
		if (found)
			return NULL;
		found = pairs[i].value;
	}
	return found;
}

static bool copy_bytes(const cbor_item_t *item, struct arena *arena, struct span *out)
{
	if (!item || !cbor_isa_bytestring(item))
		return false;
	*out = arena_copy(arena, span_make((const char *)cbor_bytestring_handle(item), cbor_bytestring_length(item)));
	return out->ptr != NULL;
}

enum err cbor_read_attestation(struct span object, struct arena *arena, struct span *auth_data_out)
{
	const cbor_item_t *format, *statement;
	cbor_item_t *map;
	enum err e = load_map(object, &map);

	if (e)
		return e;
	format = find_text(map, SPAN("fmt"));
	statement = find_text(map, SPAN("attStmt"));
	if (!format || !cbor_isa_string(format) || !statement || !cbor_isa_map(statement) || (is_text(format, SPAN("none")) && cbor_map_size(statement) > 0) ||
	    !copy_bytes(find_text(map, SPAN("authData")), arena, auth_data_out))
		e = ERR_SYNTAX;
	cbor_decref(&map);
	return e;
}

static bool has_int(const cbor_item_t *map, int64_t key, int64_t wanted)
{
	int64_t number;

	return get_int(find_int(map, key), &number) && number == wanted;
}

static bool read_key(const cbor_item_t *map, struct arena *arena, struct verify_key *out)
{
	if (has_int(map, COSE_KTY, KTY_EC2) && has_int(map, COSE_ALG, ALG_ES256) && has_int(map, COSE_CRV, CRV_P256)) {
		out->kind = VERIFY_ES256;
		return copy_bytes(find_int(map, COSE_X), arena, &out->x) && copy_bytes(find_int(map, COSE_Y), arena, &out->y);
	}
	if (has_int(map, COSE_KTY, KTY_OKP) && has_int(map, COSE_ALG, ALG_EDDSA) && has_int(map, COSE_CRV, CRV_ED25519)) {
		out->kind = VERIFY_EDDSA;
		return copy_bytes(find_int(map, COSE_X), arena, &out->x);
	}
	if (has_int(map, COSE_KTY, KTY_RSA) && has_int(map, COSE_ALG, ALG_RS256)) {
		out->kind = VERIFY_RS256;
		return copy_bytes(find_int(map, COSE_N), arena, &out->modulus) && copy_bytes(find_int(map, COSE_E), arena, &out->exponent);
	}
	return false;
}

enum err cose_read_key(struct span cose, struct arena *arena, struct verify_key *out)
{
	cbor_item_t *map;
	enum err e = load_map(cose, &map);

	*out = (struct verify_key){ .kind = VERIFY_ES256 };
	if (e)
		return e;
	if (!read_key(map, arena, out))
		e = ERR_SYNTAX;
	cbor_decref(&map);
	return e;
}
