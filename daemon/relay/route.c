/* relay/route.c: see route.h.
 *
 *   relay host: its address or its A and AAAA records, no MX
 *   [literal]:  that address
 *   MX found:   by preference, equals in random order, each host's AAAA and A
 *   no MX:      the domain itself is the host
 *
 * Our own name, one of our own addresses or a loopback one among them is a loop unless an administrator named it: hosts of that preference and
 * behind are dropped (RFC 5321 5.1), and if nothing is left the mail would come back to us (5.4.6).
 */
#include "daemon/relay/route.h"

#include <stdlib.h>

#include "daemon/base/rng.h"
#include "daemon/directory/directory.h"
#include "daemon/net/resolver.h"
#include "daemon/relay/inside.h"
#include "daemon/relay/tls_report.h"

struct mx {
	struct dns_mx record;
	uint32_t shuffle;
};

struct search {
	struct relay *relay;
	const struct relay_config *config;
	const struct relay_job *job;
	struct route *route;
	struct planner planner;
	bool temp_failure; /* a look-up that may succeed later */
	bool loop;         /* an address of ours was met */
	bool named;        /* by the administrator: loopback is allowed */
	uint16_t port, preference;
};

static bool is_ours(const struct search *s, const struct net_addr *a)
{
	static const uint8_t zero[16];

	/* "Any address" connects to ourselves. */
	if (net_is_loopback(a) || memcmp(a->ip, zero, a->family == NET_IPV4 ? 4 : 16) == 0)
		return true;
	for (size_t i = 0; i < s->config->own_count; i++) {
		if (net_ip_equals(&s->config->own[i], a))
			return true;
	}
	return false;
}

static bool is_known(const struct route *r, const char *host, const struct net_addr *addr)
{
	for (size_t i = 0; i < r->count; i++)
		if (net_ip_equals(&r->targets[i].addr, addr) && span_iequals(span_str(r->targets[i].host), span_str(host)))
			return true;
	return false;
}

static void add_target(struct search *s, const char *host, const struct net_addr *addr, const struct tls_plan *plan)
{
	struct route_target *t;

	if (s->route->count >= RELAY_MAX_ADDRESSES || is_known(s->route, host, addr))
		return;
	t = &s->route->targets[s->route->count++];
	(void)memccpy(t->host, host, '\0', sizeof(t->host) - 1);
	t->addr = *addr;
	t->addr.port = s->port;
	t->preference = s->preference;
	t->plan = plan;
}

static void put_off(struct search *s, const struct failure *why)
{
	if (!s->route->put_off)
		s->route->why_put_off = *why;
	s->route->put_off = true;
}

/* RFC 8460 4.3.2.1: there will be no session, and why is the domain's business. */
static void note_bogus(const struct search *s, const char *host, const char *reason)
{
	const struct tls_note note = { .domain = s->job->domain, .policy_type = "tlsa", .result_type = "dnssec-invalid", .mx_host = host, .reason = span_str(reason) };

	if (!s->named && !relay_is_probe(s->job))
		tls_report_note(s->relay, &note);
}

/* Addresses of a host, and what its DNS says of them. */
struct found {
	struct net_addr addrs[RELAY_MAX_ADDRESSES_PER_HOST];
	size_t count;
	bool insecure, failed, bogus;
	char alias_of[DNS_MAX_NAME]; /* "": itself */
};

static void find_records(struct search *s, const char *host, enum dns_type type, struct found *out)
{
	struct dns_answer *answer;

	/* A stop waits for one question, not for those of all hosts. */
	if (relay_is_cancelled(s->relay)) {
		s->temp_failure = out->failed = true;
		return;
	}
	answer = resolver_ask_wait(s->config->resolver, host, type, RELAY_DNS_MS);
	if (answer->status == DNS_TEMP_FAILURE) {
		s->temp_failure = out->failed = true;
		out->bogus = out->bogus || answer->bogus;
	}
	if (answer->status == DNS_FOUND) {
		out->insecure = out->insecure || !answer->secure;
		if (answer->alias_of)
			(void)memccpy(out->alias_of, answer->alias_of, '\0', sizeof(out->alias_of) - 1);
	}
	for (size_t i = 0; answer->status == DNS_FOUND && i < answer->count && i < RELAY_MAX_ADDRESSES_PER_HOST / 2; i++) {
		if (dns_read_ip(type, answer->records[i], &out->addrs[out->count]) == ERR_OK)
			out->count++;
	}
	dns_answer_free(&answer);
}

/* Those of ours are left out. */
static void drop_own(struct search *s, struct found *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count && !s->named; i++) {
		if (is_ours(s, &f->addrs[i]))
			s->loop = true;
		else
			f->addrs[kept++] = f->addrs[i];
	}
	if (!s->named)
		f->count = kept;
}

static void plan_host(struct search *s, const char *host, const struct found *f)
{
	struct span alias = arena_copy(s->job->arena, span_str(f->alias_of));
	struct plan_host h = { .host = host, .secure = !f->insecure };
	const struct tls_plan *plan;
	struct failure why;

	if (alias.len > 0 && span_cstr(s->job->arena, alias, &h.alias_of) != ERR_OK)
		return;
	plan = planner_host(&s->planner, &h, &why);
	if (!plan)
		put_off(s, &why);
	for (size_t i = 0; plan && i < f->count; i++)
		add_target(s, host, &f->addrs[i], plan);
}

/* False: there is nothing behind the name, for certain. */
static bool add_host(struct search *s, const char *host)
{
	struct found f = { .count = 0 };
	struct failure why;
	const char *kept;

	/* Behind a NAT our name is the only thing by which we know ourselves. */
	if (!s->named && s->job->helo.len > 0 && span_iequals(span_str(host), s->job->helo)) {
		s->loop = true;
		return true;
	}
	find_records(s, host, DNS_AAAA, &f);
	find_records(s, host, DNS_A, &f);
	drop_own(s, &f);
	/* What is of our preference is not asked about further. */
	if (f.count > 0 && !s->loop && span_cstr(s->job->arena, span_str(host), &kept) == ERR_OK)
		plan_host(s, kept, &f);
	if (f.count > 0 || !f.failed)
		return f.count > 0;
	if (f.bogus)
		note_bogus(s, host, "its addresses fail validation");
	failure_ours(&why, RELAY_RETRY, f.bogus ? "4.7.5" : "4.4.3", "%s: %s", host, f.bogus ? "its addresses fail DNSSEC validation" : "the look-up of its addresses failed");
	put_off(s, &why);
	return true;
}

static bool copy_name(struct span name, char *out, size_t size)
{
	if (name.len == 0 || name.len >= size || memchr(name.ptr, '\0', name.len))
		return false;
	memcpy(out, name.ptr, name.len);
	out[name.len] = '\0';
	return true;
}

static int by_preference(const void *a, const void *b)
{
	const struct mx *x = a, *y = b;

	if (x->record.preference != y->record.preference)
		return x->record.preference < y->record.preference ? -1 : 1;
	return x->shuffle < y->shuffle ? -1 : x->shuffle > y->shuffle;
}

/* Sorted; hosts without a name are left out, and addresses in the place of one (RFC 5321 5.1). *null_out: there was a null MX (RFC 7505: it should be alone,
 * and then takes no mail). */
static size_t read_mxs(const struct dns_answer *answer, struct mx *out, bool *null_out)
{
	struct net_addr ip;
	size_t count = 0;

	*null_out = false;
	for (size_t i = 0; i < answer->count; i++) {
		if (dns_read_mx(answer->records[i], &out[count].record) != ERR_OK)
			continue;
		*null_out = *null_out || out[count].record.host[0] == '\0';
		if (out[count].record.host[0] == '\0' || net_ip_parse(span_str(out[count].record.host), &ip) == ERR_OK)
			continue;
		out[count++].shuffle = (uint32_t)rng_u64();
	}
	qsort(out, count, sizeof(*out), by_preference);
	return count;
}

static void add_mxs(struct search *s, const struct mx *mxs, size_t count)
{
	struct route *r = s->route;
	unsigned hosts = 0;

	for (size_t i = 0; i < count && i < RELAY_MAX_NAMES && hosts < RELAY_MAX_HOSTS && !s->loop; i++) {
		s->preference = mxs[i].record.preference;
		hosts += add_host(s, mxs[i].record.host);
	}
	/* We are one of them: those of our preference and behind send to us. */
	while (s->loop && r->count > 0 && r->targets[r->count - 1].preference >= s->preference)
		r->count--;
}

/* MX records without one that names a host. */
static enum err no_host(struct search *s, const char *domain, bool is_null, bool memory, struct failure *why)
{
	struct failure later;

	if (is_null) {
		failure_ours(why, RELAY_FAILED, "5.1.10", "the domain %s does not accept mail (null MX)", domain);
		return ERR_DENIED;
	}
	/* With nothing to go by, no verdict for good. */
	s->temp_failure = true;
	failure_ours(&later, RELAY_RETRY, memory ? "4.4.3" : "4.3.0", memory ? "the MX records of %s name no host" : "no memory for the MX records of %s", domain);
	put_off(s, &later);
	return ERR_OK;
}

static enum err take_mxs(struct search *s, const char *domain, const struct dns_answer *answer, struct failure *why)
{
	struct mx *mxs = calloc(answer->count + 1, sizeof(*mxs));
	bool is_null = false;
	size_t count = mxs ? read_mxs(answer, mxs, &is_null) : 0;
	enum err e = ERR_OK;

	if (count > 0)
		add_mxs(s, mxs, count);
	else
		e = no_host(s, domain, is_null, mxs != NULL, why);
	free(mxs);
	return e;
}

/* ERR_OK: an answer about MX was had, whatever it was; else `why` is set. */
static enum err ask_mx(struct search *s, const char *domain, struct failure *why)
{
	struct dns_answer *answer = resolver_ask_wait(s->config->resolver, domain, DNS_MX, RELAY_DNS_MS);
	struct failure later;
	enum err e = ERR_OK;

	planner_begin(&s->planner, s->relay, s->job, answer->secure, answer->alias_of);
	switch (answer->status) {
	case DNS_FOUND: e = take_mxs(s, domain, answer, why); break;
	case DNS_NO_DATA: (void)add_host(s, domain); break;
	case DNS_NO_NAME:
		failure_ours(why, RELAY_FAILED, "5.1.2", "the domain %s does not exist", domain);
		e = ERR_NOT_FOUND;
		break;
	case DNS_TEMP_FAILURE:
		if (answer->bogus)
			note_bogus(s, "", "the MX records fail validation");
		failure_ours(&later, RELAY_RETRY, answer->bogus ? "4.7.5" : "4.4.3", answer->bogus ? "the MX records of %s fail DNSSEC validation" : "DNS look-up of %s failed, it is tried again", domain);
		put_off(s, &later);
		break;
	}
	dns_answer_free(&answer);
	return e;
}

static bool parse_literal(struct span domain, struct net_addr *out)
{
	struct span inside = span_make(domain.ptr + 1, domain.len - 2);

	if (domain.len < 3 || domain.ptr[domain.len - 1] != ']')
		return false;
	if (span_istarts(inside, SPAN("IPv6:")))
		inside = span_skip(inside, 5);
	return net_ip_parse(inside, out) == ERR_OK;
}

static bool find_literal(struct search *s, struct failure *why)
{
	struct found f = { .count = 1 };
	struct span host;
	const char *text;

	if (!parse_literal(s->job->domain, &f.addrs[0])) {
		failure_ours(why, RELAY_FAILED, "5.1.2", "the address literal can't be read");
		return false;
	}
	host = arena_copy(s->job->arena, span_str(net_literal_text(&f.addrs[0]).text));
	planner_begin(&s->planner, s->relay, s->job, false, NULL);
	drop_own(s, &f);
	if (span_cstr(s->job->arena, host, &text) == ERR_OK)
		plan_host(s, text, &f);
	return true;
}

static bool find_by_name(struct search *s, struct failure *why)
{
	char name[DNS_MAX_NAME];

	if (s->job->domain.len > 0 && s->job->domain.ptr[0] == '[')
		return find_literal(s, why);
	if (!copy_name(s->job->domain, name, sizeof(name))) {
		failure_ours(why, RELAY_FAILED, "5.1.2", "the domain is no name");
		return false;
	}
	return ask_mx(s, name, why) == ERR_OK;
}

static bool find_named(struct search *s, const struct relay_host *via, struct failure *why)
{
	struct found f = { .count = 1 };
	char name[DNS_MAX_NAME];
	const char *kept;

	s->named = true;
	s->port = via->port;
	planner_begin(&s->planner, s->relay, s->job, false, NULL);
	if (!copy_name(via->host, name, sizeof(name)) || span_cstr(s->job->arena, via->host, &kept) != ERR_OK) {
		failure_ours(why, RELAY_RETRY, "4.4.4", "the relay host is no name");
		return false;
	}
	if (net_ip_parse(via->host, &f.addrs[0]) == ERR_OK)
		plan_host(s, kept, &f);
	else
		(void)add_host(s, name);
	return true;
}

bool route_find(struct relay *r, const struct relay_job *job, struct route *out, struct failure *why)
{
	struct search s = { .relay = r, .config = &r->config, .job = job, .route = out, .port = r->config.port };

	memset(out, 0, sizeof(*out));
	if (job->via ? !find_named(&s, job->via, why) : !find_by_name(&s, why))
		return false;
	if (out->count > 0)
		return true;
	if (out->put_off)
		*why = out->why_put_off;
	else if (s.loop)
		failure_ours(why, RELAY_FAILED, "5.4.6", "the mail server of the domain is this server, which does not know the domain");
	else if (s.temp_failure || job->arena->failed)
		failure_ours(why, RELAY_RETRY, "4.4.3", "DNS look-up failed, it is tried again");
	else if (job->via)
		failure_ours(why, RELAY_RETRY, "4.4.4", "the relay host has no address");
	else
		failure_ours(why, RELAY_FAILED, "5.4.4", "the domain has no mail server with an address");
	return false;
}
