/* auth/proven.c: the memory of proven passwords. */
#include "daemon/auth/proven.h"

#include "daemon/base/buf.h"
#include "daemon/base/rng.h"

#define MESSAGE_MAX 4096

void proven_init(struct proven *p)
{
	memset(p, 0, sizeof(*p));
	rng_bytes(p->key, sizeof(p->key));
}

static void add_field(struct buf *b, struct span field)
{
	uint64_t len = field.len;

	buf_add(b, span_make((const char *)&len, sizeof(len)));
	buf_add(b, field);
}

void proven_make_tag(const struct proven *p, uint64_t account_id, struct span stored_hash, struct span password, struct proven_tag *out)
{
	struct buf message;

	buf_init(&message, MESSAGE_MAX);
	(void)buf_reserve(&message, sizeof(account_id) * 3 + stored_hash.len + password.len);
	buf_add(&message, span_make((const char *)&account_id, sizeof(account_id)));
	add_field(&message, stored_hash);
	add_field(&message, password);
	/* What could not be written whole must match nothing. */
	if (message.failed)
		rng_bytes(out->bytes, sizeof(out->bytes));
	else
		crypto_hmac_sha256(span_make((const char *)p->key, sizeof(p->key)), buf_span(&message), out->bytes);
	buf_wipe(&message);
}

static size_t row_of(const struct proven_tag *tag)
{
	return (size_t)(tag->bytes[0] | tag->bytes[1] << 8) % PROVEN_ROWS;
}

bool proven_has(struct proven *p, const struct proven_tag *tag)
{
	size_t row = row_of(tag);

	for (size_t i = 0; i < PROVEN_WAYS; i++) {
		if (p->rows[row][i].used_at && crypto_equals(p->rows[row][i].tag.bytes, tag->bytes, sizeof(tag->bytes))) {
			p->rows[row][i].used_at = ++p->turn;
			return true;
		}
	}
	return false;
}

void proven_add(struct proven *p, const struct proven_tag *tag)
{
	size_t row = row_of(tag), at = 0;

	if (proven_has(p, tag))
		return;
	for (size_t i = 1; i < PROVEN_WAYS; i++) {
		if (p->rows[row][i].used_at < p->rows[row][at].used_at)
			at = i;
	}
	p->rows[row][at].tag = *tag;
	p->rows[row][at].used_at = ++p->turn;
}
