/* auth/throttle.c: the tables of those who guess. */
#include "daemon/auth/throttle.h"

#include <stdio.h>

#include "daemon/base/rng.h"
#include "daemon/crypto/digest.h"

#define FIRST_DELAY_MS 250
#define NAME_BYTES_MAX 320

void throttle_init(struct throttle *t)
{
	rng_bytes(t->key, sizeof(t->key));
}

/* ---- subjects ---- */

static uint64_t first_bits(const struct net_addr *peer, unsigned bits)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < bits / 8; i++)
		n |= (uint64_t)peer->ip[i] << (56 - 8 * i);
	return n;
}

static struct throttle_subject of_network(enum throttle_kind kind, const struct net_addr *peer, unsigned bits4, unsigned bits6)
{
	return (struct throttle_subject){ .kind = kind, .family = peer->family, .network = first_bits(peer, peer->family == NET_IPV6 ? bits6 : bits4) };
}

struct throttle_subject throttle_narrow(const struct net_addr *peer)
{
	return of_network(THROTTLE_NARROW, peer, 32, 64);
}

struct throttle_subject throttle_wide(const struct net_addr *peer)
{
	return of_network(THROTTLE_WIDER, peer, 24, 48);
}

struct throttle_subject throttle_account(uint64_t account_id)
{
	return (struct throttle_subject){ .kind = THROTTLE_ACCOUNT, .who = account_id };
}

static uint64_t keyed(const struct throttle *t, struct span bytes)
{
	uint8_t digest[SHA256_BYTES];
	uint64_t n;

	crypto_hmac_sha256(span_make((const char *)t->key, sizeof(t->key)), bytes, digest);
	memcpy(&n, digest, sizeof(n));
	return n ? n : 1;
}

struct throttle_subject throttle_name(const struct throttle *t, struct span name)
{
	char folded[NAME_BYTES_MAX];

	name = span_take(name, sizeof(folded));
	for (size_t i = 0; i < name.len; i++)
		folded[i] = ascii_lower(name.ptr[i]);
	return (struct throttle_subject){ .kind = THROTTLE_NAME, .who = keyed(t, span_make(folded, name.len)), .named = true };
}

struct throttle_subject throttle_pair(const struct throttle_subject *who, const struct net_addr *peer)
{
	struct throttle_subject s = { .kind = THROTTLE_PAIR };

	if (peer)
		s = of_network(THROTTLE_PAIR, peer, 24, 48);
	s.who = who->who;
	s.named = who->named;
	return s;
}

uint64_t throttle_number(const struct throttle *t, const struct throttle_subject *s)
{
	uint64_t fields[5] = { (uint64_t)s->kind, (uint64_t)s->family, s->who, s->network, s->named };

	return keyed(t, span_make((const char *)fields, sizeof(fields)));
}

/* ---- their names ---- */

static unsigned bits_of(const struct throttle_subject *s)
{
	if (s->kind == THROTTLE_NARROW)
		return s->family == NET_IPV6 ? 64 : 32;
	return s->family == NET_IPV6 ? 48 : 24;
}

void throttle_network_text(const struct throttle_subject *s, char out[NET_ADDR_TEXT])
{
	struct net_addr a = { .family = s->family };

	if (s->family == NET_NONE) {
		(void)snprintf(out, NET_ADDR_TEXT, "trusted");
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		a.ip[i] = (uint8_t)(s->network >> (56 - 8 * i));
	(void)snprintf(out, NET_ADDR_TEXT, "%.48s/%u", net_ip_text(&a).text, bits_of(s));
}

void throttle_subject_text(const struct throttle_subject *s, char out[THROTTLE_SUBJECT_TEXT])
{
	char network[NET_ADDR_TEXT];

	out[0] = '\0';
	if (s->named || s->kind == THROTTLE_NOBODY)
		return;
	throttle_network_text(s, network);
	if (s->kind == THROTTLE_ACCOUNT)
		(void)snprintf(out, THROTTLE_SUBJECT_TEXT, "account:%llu", (unsigned long long)s->who);
	else if (s->kind == THROTTLE_PAIR)
		(void)snprintf(out, THROTTLE_SUBJECT_TEXT, "account:%llu@%s", (unsigned long long)s->who, network);
	else
		(void)snprintf(out, THROTTLE_SUBJECT_TEXT, "network:%s", network);
}

static enum err parse_network(struct span text, bool of_pair, struct throttle_subject *out)
{
	struct net_cidr cidr;
	enum err e = net_cidr_parse(text, &cidr);
	bool v6;

	if (e)
		return e;
	v6 = cidr.network.family == NET_IPV6;
	if (cidr.prefix_bits == (v6 ? 48u : 24u))
		*out = throttle_wide(&cidr.network);
	else if (cidr.prefix_bits == (v6 ? 64u : 32u) && !of_pair)
		*out = throttle_narrow(&cidr.network);
	else
		return ERR_SYNTAX;
	return ERR_OK;
}

enum err throttle_subject_parse(struct span text, struct throttle_subject *out)
{
	struct span id, network;
	enum err e = ERR_OK;
	uint64_t account;
	size_t at;

	*out = (struct throttle_subject){ .kind = THROTTLE_NOBODY };
	if (span_starts(text, SPAN("network:")))
		return parse_network(span_skip(text, 8), false, out);
	if (!span_starts(text, SPAN("account:")))
		return ERR_SYNTAX;
	id = span_skip(text, 8);
	if (!span_find_char(id, '@', &at)) {
		e = span_to_u64(id, INT64_MAX, &account);
		if (!e)
			*out = throttle_account(account);
		return e;
	}
	network = span_skip(id, at + 1);
	e = span_to_u64(span_take(id, at), INT64_MAX, &account);
	if (!e && !span_equals(network, SPAN("trusted")))
		e = parse_network(network, true, out);
	if (e)
		return e;
	out->kind = THROTTLE_PAIR;
	out->who = account;
	return ERR_OK;
}

/* ---- counting ---- */

static bool same(const struct throttle_subject *a, const struct throttle_subject *b)
{
	return a->kind == b->kind && a->family == b->family && a->who == b->who && a->network == b->network && a->named == b->named;
}

static const struct throttle_row *row_of(const struct throttle *t, const struct throttle_subject *s)
{
	return t->rows[s->kind][throttle_number(t, s) % THROTTLE_ROWS];
}

static const struct throttle_row *find(const struct throttle *t, const struct throttle_subject *s)
{
	const struct throttle_row *row = row_of(t, s);

	for (size_t i = 0; i < THROTTLE_WAYS; i++) {
		if (same(&row[i].subject, s))
			return &row[i];
	}
	return NULL;
}

static unsigned failures_left(const struct throttle_row *r, int64_t now_ms)
{
	int64_t forgotten = (now_ms - r->since_ms) / THROTTLE_FORGET_MS;

	return forgotten >= (int64_t)r->failures ? 0 : r->failures - (unsigned)forgotten;
}

static int64_t until(const struct throttle_row *r, int64_t now_ms)
{
	return r->until_ms > now_ms ? r->until_ms : 0;
}

unsigned throttle_failures(const struct throttle *t, const struct throttle_subject *s, int64_t now_ms)
{
	const struct throttle_row *r = find(t, s);

	return r ? failures_left(r, now_ms) : 0;
}

int64_t throttle_refused_until(const struct throttle *t, const struct throttle_subject *s, int64_t now_ms)
{
	const struct throttle_row *r = find(t, s);

	return r ? until(r, now_ms) : 0;
}

bool throttle_has_tried(const struct throttle *t, const struct throttle_subject *s, uint64_t tried)
{
	const struct throttle_row *r = find(t, s);
	bool has = false;

	for (size_t i = 0; r && tried && i < THROTTLE_TRIED; i++)
		has |= r->tried[i] == tried;
	return has;
}

/* Is `a` a smaller loss than `b`? */
static bool goes_first(const struct throttle_row *a, const struct throttle_row *b, int64_t now_ms)
{
	unsigned fa = failures_left(a, now_ms), fb = failures_left(b, now_ms);

	if (until(a, now_ms) != until(b, now_ms))
		return until(a, now_ms) < until(b, now_ms);
	return fa != fb ? fa < fb : a->since_ms < b->since_ms;
}

static struct throttle_row *find_or_make(struct throttle *t, const struct throttle_subject *s, int64_t now_ms)
{
	struct throttle_row *row = t->rows[s->kind][throttle_number(t, s) % THROTTLE_ROWS], *r = &row[0];

	for (size_t i = 0; i < THROTTLE_WAYS; i++) {
		if (same(&row[i].subject, s))
			return &row[i];
		if (goes_first(&row[i], r, now_ms))
			r = &row[i];
	}
	*r = (struct throttle_row){ .subject = *s, .since_ms = now_ms };
	return r;
}

bool throttle_add(struct throttle *t, const struct throttle_subject *s, uint64_t tried, unsigned limit, int64_t refusal_ms, int64_t now_ms)
{
	struct throttle_row *r = find_or_make(t, s, now_ms);
	unsigned failures = failures_left(r, now_ms);

	r->failures = failures < limit ? failures + 1 : limit;
	r->since_ms = now_ms;
	if (tried) {
		memmove(&r->tried[1], &r->tried[0], sizeof(r->tried) - sizeof(r->tried[0]));
		r->tried[0] = tried;
	}
	if (r->failures < limit || until(r, now_ms))
		return false;
	r->until_ms = now_ms + refusal_ms;
	return true;
}

bool throttle_clear(struct throttle *t, const struct throttle_subject *s)
{
	struct throttle_row *row = t->rows[s->kind][throttle_number(t, s) % THROTTLE_ROWS];

	for (size_t i = 0; i < THROTTLE_WAYS; i++) {
		if (same(&row[i].subject, s)) {
			row[i] = (struct throttle_row){ .subject = { .kind = THROTTLE_NOBODY } };
			return true;
		}
	}
	return false;
}

void throttle_restore(struct throttle *t, const struct throttle_subject *s, unsigned failures, int64_t until_ms, int64_t now_ms)
{
	struct throttle_row *r = find_or_make(t, s, now_ms);

	r->failures = failures;
	r->since_ms = now_ms;
	r->until_ms = until_ms;
}

int64_t throttle_delay_ms(unsigned failures)
{
	int64_t delay = failures ? FIRST_DELAY_MS : 0;

	while (failures-- > 1 && delay < THROTTLE_DELAY_MAX_MS)
		delay *= 2;
	return delay < THROTTLE_DELAY_MAX_MS ? delay : THROTTLE_DELAY_MAX_MS;
}
