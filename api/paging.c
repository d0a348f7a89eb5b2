/* api/paging.c: cursors: where the next page begins, bound to what was asked.
 *
 * A cursor is base64url of a keyed digest (16 bytes) and the inner cursor. The digest covers operation, path and all of the query but limit and
 * cursor, so that a cursor of another list, filter or sort is refused instead of leading somewhere.
 */
#include "api/call.h"
#include "api/routes.h"
#include "daemon/base/encode.h"
#include "daemon/crypto/digest.h"

#define DIGEST_BYTES 16
#define CURSOR_MAX 1024
#define LIMIT_DEFAULT 50
#define LIMIT_MAX 500

/* In the order of the document, whatever the order of the request. */
static void bind(struct api_call *c, struct span inner, uint8_t out[SHA256_BYTES])
{
	uint8_t key[SHA256_BYTES];
	struct buf text;

	buf_init(&text, 65536);
	buf_addf(&text, "%s ", routes[c->operation].name);
	buf_add(&text, c->request->path);
	for (size_t i = 0; i < c->query.count; i++) {
		const struct query_value *v = &c->query.values[i];

		if (!v->given || strcmp(v->name, "limit") == 0 || strcmp(v->name, "cursor") == 0)
			continue;
		buf_addf(&text, " %s:%zu:", v->name, v->text.len);
		buf_add(&text, v->text);
	}
	buf_addf(&text, " %zu:", inner.len);
	buf_add(&text, inner);
	directory_derive_key(c->context->directory, SPAN("cursor"), key);
	crypto_hmac_sha256(span_make((const char *)key, sizeof key), buf_span(&text), out);
	buf_clear(&text);
}

struct span cursor_make(struct api_call *c, struct span inner)
{
	uint8_t digest[SHA256_BYTES];
	struct buf plain, text;
	struct span out;

	bind(c, inner, digest);
	buf_init(&plain, CURSOR_MAX);
	buf_init(&text, 2 * CURSOR_MAX);
	buf_add(&plain, span_make((const char *)digest, DIGEST_BYTES));
	buf_add(&plain, inner);
	base64url_encode(buf_span(&plain), &text);
	out = arena_copy(&c->arena, buf_span(&text));
	buf_clear(&plain);
	buf_clear(&text);
	return out;
}

static bool cursor_open(struct api_call *c, struct span text, struct span *out)
{
	uint8_t digest[SHA256_BYTES];
	struct buf plain;
	bool opened = false;

	buf_init(&plain, CURSOR_MAX);
	if (base64url_decode(text, &plain) == ERR_OK && plain.len >= DIGEST_BYTES) {
		*out = arena_copy(&c->arena, span_skip(buf_span(&plain), DIGEST_BYTES));
		bind(c, *out, digest);
		opened = crypto_equals(plain.ptr, digest, DIGEST_BYTES);
	}
	buf_clear(&plain);
	return opened;
}

bool call_paging(struct api_call *c, struct paging *out)
{
	int64_t limit = call_query_number(c, "limit");

	*out = (struct paging){ .limit = limit >= 1 && limit <= LIMIT_MAX ? (size_t)limit : LIMIT_DEFAULT, .after = SPAN("") };
	if (!call_has_query(c, "cursor") || cursor_open(c, call_query(c, "cursor"), &out->after))
		return true;
	call_reply_problem(c, 400, "bad_cursor", "cursor", "the cursor is not one of this list: begin without one");
	return false;
}
