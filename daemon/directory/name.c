/* directory/name.c: addresses as keys. */
#include "daemon/directory/name.h"

#include "daemon/mime/text.h"

#define CASEMAP_MAX (NAME_KEY_MAX - ADDRESS_DOMAIN_MAX - 1)
#define LOGIN_MEMORY_MAX 32768

/* Returns the length, 0 when it does not fit. */
static size_t map_local(struct span local, char *out)
{
	struct buf mapped;
	size_t len = 0;

	if (span_is_ascii(local)) {
		if (local.len > CASEMAP_MAX)
			return 0;
		for (size_t i = 0; i < local.len; i++)
			out[i] = ascii_lower(local.ptr[i]);
		return local.len;
	}
	if (local.len > ADDRESS_MAX)
		return 0;
	buf_init(&mapped, CASEMAP_MAX);
	text_casemap(local, &mapped);
	if (!mapped.failed) {
		len = mapped.len;
		memcpy(out, mapped.ptr, len);
	}
	buf_clear(&mapped);
	return len;
}

void name_key(const struct address *addr, struct name_key *out)
{
	size_t plus;

	out->len = 0;
	out->base_len = out->local_len = 0;
	if (addr->domain.len > ADDRESS_DOMAIN_MAX)
		return;
	out->local_len = out->base_len = map_local(addr->local, out->bytes);
	if (out->local_len == 0 && addr->local.len > 0)
		return;
	if (span_find_char(span_make(out->bytes, out->local_len), '+', &plus) && plus > 0)
		out->base_len = plus;
	out->bytes[out->local_len] = '@';
	out->len = out->local_len + 1 + addr->domain.len;
	for (size_t i = 0; i < addr->domain.len; i++)
		out->bytes[out->local_len + 1 + i] = ascii_lower(addr->domain.ptr[i]);
}

void name_key_of_login(struct span login, struct name_key *out)
{
	struct address address;
	struct arena a;

	*out = (struct name_key){ .len = 0 };
	arena_init(&a, LOGIN_MEMORY_MAX);
	if (login.len <= ADDRESS_MAX && address_parse(login, &a, &address) == ERR_OK)
		name_key(&address, out);
	arena_clear(&a);
	if (out->len > 0)
		return;
	login = span_take(login, sizeof(out->bytes));
	for (size_t i = 0; i < login.len; i++)
		out->bytes[i] = ascii_lower(login.ptr[i]);
	out->len = login.len;
}

bool name_key_cut(struct name_key *key)
{
	size_t removed = key->local_len - key->base_len;

	if (removed == 0 || key->len == 0)
		return false;
	memmove(key->bytes + key->base_len, key->bytes + key->local_len, key->len - key->local_len);
	key->len -= removed;
	key->local_len = key->base_len;
	return true;
}

void name_key_move(struct name_key *key, struct span domain)
{
	domain = span_take(domain, ADDRESS_DOMAIN_MAX);
	memcpy(key->bytes + key->local_len + 1, domain.ptr, domain.len);
	key->len = key->local_len + 1 + domain.len;
}

/* What is ASCII is shown as it is compared. */
static enum err readable(const struct address *addr, struct arena *a, struct span *out)
{
	struct buf local, text;
	enum err e = ERR_OK;

	buf_init(&local, NAME_KEY_MAX);
	buf_init(&text, NAME_KEY_MAX * 2);
	if (span_is_ascii(addr->local)) {
		for (size_t i = 0; i < addr->local.len; i++)
			buf_add_char(&local, ascii_lower(addr->local.ptr[i]));
	} else {
		e = text_nfc(addr->local, &local);
	}
	address_write(&(struct address){ buf_span(&local), addr->domain }, &text);
	*out = arena_copy(a, buf_span(&text));
	if (!e && (local.failed || text.failed || !out->ptr))
		e = ERR_LIMIT;
	buf_clear(&local);
	buf_clear(&text);
	return e;
}

static enum err parse(struct span text, bool catch_all, struct arena *a, struct address *out)
{
	if (!catch_all || text.len == 0 || text.ptr[0] != '@')
		return address_parse(text, a, out);
	out->local = SPAN("");
	return address_domain_normal(span_skip(text, 1), a, &out->domain);
}

enum err name_parse(struct span text, bool catch_all, struct arena *a, struct name *out, struct note *why)
{
	struct name_key key;
	struct address addr;
	enum err e = text.len > ADDRESS_MAX * 4 ? ERR_LIMIT : parse(text, catch_all, a, &addr);

	if (!e && addr.domain.ptr[0] == '[')
		e = ERR_SYNTAX;
	if (e) {
		note_set(why, "%.*s: not an address", (int)(text.len < 100 ? text.len : 100), text.ptr);
		return e;
	}
	name_key(&addr, &key);
	out->domain = addr.domain;
	out->key = arena_copy(a, span_make(key.bytes, key.len));
	(void)name_key_cut(&key);
	out->base_key = arena_copy(a, span_make(key.bytes, key.len));
	if (addr.local.len == 0)
		out->address = out->key;
	else
		e = readable(&addr, a, &out->address);
	if (!e && (key.len == 0 || !out->key.ptr || !out->base_key.ptr))
		e = ERR_LIMIT;
	return e;
}

enum err name_parse_domain(struct span text, struct arena *a, struct span *out, struct note *why)
{
	enum err e = text.len > ADDRESS_MAX * 4 ? ERR_LIMIT : address_domain_normal(text, a, out);

	if (e)
		note_set(why, "%.*s: not a domain name", (int)(text.len < 100 ? text.len : 100), text.ptr);
	return e;
}
