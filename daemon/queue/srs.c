/* queue/srs.c: writing and reading rewritten reverse-paths.
 *
 * (1) What opens was written here within the last 21 days: nobody can use the addresses to send bounces to whom he likes.
 * (2) No local part is longer than 64 octets, whatever the sender's: one that would be is kept in queue.db under a token of itself, in the transaction
 *     that stores the forwarded message, and the address carries the token. (Most bulk senders have such paths, and a server may refuse what is longer.)
 * (3) Rewriting what was rewritten does not grow: SRS1 names the first forwarder, to which the bounce goes directly.
 */
#include "daemon/queue/srs.h"

#include "daemon/base/encode.h"
#include "daemon/crypto/digest.h"

#define HASH_CHARS 6
#define TOKEN_CHARS 26 /* 130 bits: nobody finds two paths with one */
#define DAY_CHARS 2
#define DAYS 1024
#define DAY_LENGTH_MS 86400000LL
#define KEYED_MAX 1024u

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* The first `chars` of base32 of the HMAC of the parts, which are joined by '='. `fold`: without ASCII case. */
static struct span keyed(const struct srs *srs, const struct span *parts, size_t count, bool fold, size_t chars, struct arena *a)
{
	uint8_t mac[SHA256_BYTES];
	struct buf text, code;
	struct span out = { NULL, 0 };

	buf_init(&text, KEYED_MAX);
	buf_init(&code, KEYED_MAX);
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(&text, '=');
		for (size_t k = 0; k < parts[i].len; k++)
			buf_add_char(&text, fold ? ascii_lower(parts[i].ptr[k]) : parts[i].ptr[k]);
	}
	crypto_hmac_sha256(span_make((const char *)srs->key, sizeof(srs->key)), buf_span(&text), mac);
	base32_encode(span_make((const char *)mac, sizeof(mac)), &code);
	if (!text.failed && !code.failed)
		out = arena_copy(a, span_take(buf_span(&code), chars));
	else
		a->failed = true;
	buf_clear(&text);
	buf_clear(&code);
	return out;
}

static struct span hash_of(const struct srs *srs, const struct span *parts, size_t count, struct arena *a)
{
	return keyed(srs, parts, count, true, HASH_CHARS, a);
}

static bool is_separator(char c)
{
	return c == '=' || c == '+' || c == '-';
}

/* "SRS0=", "SRS1+": which, or 0. Any of three separators may follow in paths of others. */
static char tag_of(struct span local)
{
	if (local.len < 5 || !span_istarts(local, SPAN("SRS")) || !is_separator(local.ptr[4]))
		return 0;
	return local.ptr[3] == '0' || local.ptr[3] == '1' ? local.ptr[3] : 0;
}

bool srs_is_one(const struct address *address)
{
	return tag_of(address->local) != 0 && address->local.ptr[4] == '=';
}

static unsigned today(const struct srs *srs)
{
	return (unsigned)(srs->now_ms / DAY_LENGTH_MS % DAYS);
}

/* Cuts "<field>=" off; false: there is no such field. */
static bool cut(struct span *rest, struct span *out)
{
	size_t at;

	if (!span_find_char(*rest, '=', &at) || at == 0)
		return false;
	*out = span_take(*rest, at);
	*rest = span_skip(*rest, at + 1);
	return true;
}

/* What SRS1 needs of a path that others rewrote: the first forwarder, and what stands behind its SRS0, from the separator on. */
static bool first_forwarder(const struct address *sender, struct span *host, struct span *rest)
{
	struct span hash;

	*rest = span_skip(sender->local, 4);
	*host = sender->domain;
	switch (tag_of(sender->local)) {
	case '0': return rest->len > 1;
	case '1': break;
	default: return false;
	}
	*rest = span_skip(*rest, 1);
	return cut(rest, &hash) && cut(rest, host) && rest->len > 1 && is_separator(rest->ptr[0]);
}

static struct span join_address(const struct address *address, struct arena *a)
{
	struct span out;
	struct buf text;

	buf_init(&text, 2 * ADDRESS_MAX);
	address_write(address, &text);
	out = text.failed ? span_make(NULL, 0) : arena_copy(a, buf_span(&text));
	a->failed |= text.failed;
	buf_clear(&text);
	return out;
}

static struct span write_long(const struct srs *srs, struct span day, const struct address *sender, struct arena *a, struct srs_path *out)
{
	struct span parts[] = { SPAN("0"), day, SPAN("-"), { NULL, 0 } }, hash;

	out->original = join_address(sender, a);
	out->token = keyed(srs, (struct span[]){ SPAN("long"), out->original }, 2, false, TOKEN_CHARS, a);
	parts[3] = out->token;
	hash = hash_of(srs, parts, 4, a);
	return arena_printf(a, "SRS0=%.*s=%.*s=-=%.*s", (int)hash.len, hash.ptr, (int)day.len, day.ptr, (int)out->token.len, out->token.ptr);
}

enum err srs_write(const struct srs *srs, const struct address *sender, struct span domain, struct arena *a, struct srs_path *out)
{
	const char digits[DAY_CHARS] = { alphabet[today(srs) / 32], alphabet[today(srs) % 32] };
	const struct span day = span_make(digits, sizeof(digits));
	struct span host, rest, hash, local;
	size_t at;

	*out = (struct srs_path){ 0 };
	if (first_forwarder(sender, &host, &rest)) {
		hash = hash_of(srs, (struct span[]){ SPAN("1"), host, rest }, 3, a);
		local = arena_printf(a, "SRS1=%.*s=%.*s=%.*s", (int)hash.len, hash.ptr, (int)host.len, host.ptr, (int)rest.len, rest.ptr);
	} else {
		hash = hash_of(srs, (struct span[]){ SPAN("0"), day, sender->domain, sender->local }, 4, a);
		local = arena_printf(a, "SRS0=%.*s=%.*s=%.*s=%.*s", (int)hash.len, hash.ptr, DAY_CHARS, digits, (int)sender->domain.len, sender->domain.ptr, (int)sender->local.len, sender->local.ptr);
	}
	out->address = (struct address){ local, arena_copy(a, domain) };
	/* As it is written: quotes count. An address literal may hold what separates the fields. */
	if (join_address(&out->address, a).len > ADDRESS_LOCAL_MAX + 1 + domain.len || span_find_char(sender->domain, '=', &at))
		out->address.local = write_long(srs, day, sender, a, out);
	return a->failed ? ERR_LIMIT : ERR_OK;
}

static int digit_of(char c)
{
	const char *at = memchr(alphabet, ascii_upper(c), sizeof(alphabet) - 1);

	return at ? (int)(at - alphabet) : -1;
}

/* A day ahead is the clock's: it may have been set back since. */
static bool is_recent(const struct srs *srs, struct span day)
{
	int high = day.len == DAY_CHARS ? digit_of(day.ptr[0]) : -1, low = day.len == DAY_CHARS ? digit_of(day.ptr[1]) : -1;
	unsigned age;

	if (high < 0 || low < 0)
		return false;
	age = (today(srs) + DAYS - (unsigned)(high * 32 + low)) % DAYS;
	return age <= SRS_VALID_DAYS || age == DAYS - 1;
}

static bool hash_fits(const struct srs *srs, struct span given, const struct span *parts, size_t count, struct arena *a)
{
	struct span hash = hash_of(srs, parts, count, a);
	char folded[HASH_CHARS];

	if (hash.len != HASH_CHARS || given.len != HASH_CHARS)
		return false;
	for (size_t i = 0; i < HASH_CHARS; i++)
		folded[i] = ascii_upper(given.ptr[i]);
	return crypto_equals(folded, hash.ptr, HASH_CHARS);
}

static struct span upper(struct span s, struct arena *a)
{
	char *copy = arena_alloc(a, s.len);

	for (size_t i = 0; copy && i < s.len; i++)
		copy[i] = ascii_upper(s.ptr[i]);
	return span_make(copy, copy ? s.len : 0);
}

static enum err read_first(const struct srs *srs, struct span rest, struct arena *a, struct srs_path *out)
{
	struct span hash, day, domain;

	if (!cut(&rest, &hash) || !cut(&rest, &day) || !cut(&rest, &domain) || !rest.len)
		return ERR_NOT_FOUND;
	if (!hash_fits(srs, hash, (struct span[]){ SPAN("0"), day, domain, rest }, 4, a) || !is_recent(srs, day))
		return ERR_DENIED;
	if (span_equals(domain, SPAN("-")))
		out->token = upper(rest, a);
	else
		out->address = (struct address){ rest, domain };
	return ERR_OK;
}

static enum err read_further(const struct srs *srs, struct span rest, struct arena *a, struct srs_path *out)
{
	struct span hash, host;

	if (!cut(&rest, &hash) || !cut(&rest, &host) || rest.len < 2 || !is_separator(rest.ptr[0]))
		return ERR_NOT_FOUND;
	if (!hash_fits(srs, hash, (struct span[]){ SPAN("1"), host, rest }, 3, a))
		return ERR_DENIED;
	out->address = (struct address){ arena_printf(a, "SRS0%.*s", (int)rest.len, rest.ptr), host };
	return ERR_OK;
}

enum err srs_read(const struct srs *srs, const struct address *address, struct arena *a, struct srs_path *out)
{
	struct span rest = span_skip(address->local, 5), domain;
	enum err e;

	*out = (struct srs_path){ 0 };
	if (!srs_is_one(address))
		return ERR_NOT_FOUND;
	e = tag_of(address->local) == '0' ? read_first(srs, rest, a, out) : read_further(srs, rest, a, out);
	/* The hash knows the domain without case; a mailbox's domain is in lower case. */
	if (!e && out->address.domain.len) {
		if (out->address.domain.ptr[0] != '[' && !address_domain_normal(out->address.domain, a, &domain))
			out->address.domain = domain;
		out->address = (struct address){ arena_copy(a, out->address.local), arena_copy(a, out->address.domain) };
	}
	return e ? e : a->failed ? ERR_LIMIT
				 : ERR_OK;
}
