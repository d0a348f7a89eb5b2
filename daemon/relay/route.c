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

#define MX_READ_MAX 100 /* of those an answer has */

struct mx {
	struct dns_mx record;
	uint32_t shuffle;
};

struct search {
	const struct relay_config *config;
	struct route *route;
	struct span own_name;
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

static void add_target(struct search *s, const char *host, const struct net_addr *addr)
{
	struct route_target *t;

	if (!s->named && is_ours(s, addr)) {
		s->loop = true;
		return;
	}
	if (s->route->count >= RELAY_MAX_ADDRESSES)
		return;
	t = &s->route->targets[s->route->count++];
	(void)memccpy(t->host, host, '\0', sizeof(t->host) - 1);
	t->addr = *addr;
	t->addr.port = s->port;
	t->preference = s->preference;
}

static void add_records(struct search *s, const char *host, enum dns_type type)
{
	struct dns_answer *answer = resolver_ask_wait(s->config->resolver, host, type, RELAY_DNS_MS);
	struct net_addr addr;

	if (answer->status == DNS_TEMP_FAILURE)
		s->temp_failure = true;
	for (size_t i = 0; answer->status == DNS_FOUND && i < answer->count && i < RELAY_MAX_ADDRESSES_PER_HOST / 2; i++) {
		if (dns_read_ip(type, answer->records[i], &addr) == ERR_OK)
			add_target(s, host, &addr);
	}
	dns_answer_free(&answer);
}

static void add_host(struct search *s, const char *host)
{
	/* Behind a NAT our name is the only thing by which we know ourselves. */
	if (!s->named && s->own_name.len > 0 && span_iequals(span_str(host), s->own_name)) {
		s->loop = true;
		return;
	}
	add_records(s, host, DNS_AAAA);
	add_records(s, host, DNS_A);
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

/* Sorted; hosts without a name are left out. *null_out: there was one (RFC 7505: it should be alone, and then takes no mail). */
static size_t read_mxs(const struct dns_answer *answer, struct mx *out, bool *null_out)
{
	size_t count = 0;

	*null_out = false;
	for (size_t i = 0; i < answer->count && count < MX_READ_MAX; i++) {
		if (dns_read_mx(answer->records[i], &out[count].record) != ERR_OK)
			continue;
		*null_out = *null_out || out[count].record.host[0] == '\0';
		if (out[count].record.host[0] == '\0')
			continue;
		out[count++].shuffle = (uint32_t)rng_u64();
	}
	qsort(out, count, sizeof(*out), by_preference);
	return count;
}

static void add_mxs(struct search *s, const struct mx *mxs, size_t count)
{
	struct route *r = s->route;

	for (size_t i = 0; i < count && i < RELAY_MAX_HOSTS && !s->loop; i++) {
		s->preference = mxs[i].record.preference;
		add_host(s, mxs[i].record.host);
	}
	/* We are one of them: those of our preference and behind send to us. */
	while (s->loop && r->count > 0 && r->targets[r->count - 1].preference >= s->preference)
		r->count--;
}

/* ERR_OK: an answer about MX was had, whatever it was; else `why` is set. */
static enum err ask_mx(struct search *s, const char *domain, struct failure *why)
{
	struct dns_answer *answer = resolver_ask_wait(s->config->resolver, domain, DNS_MX, RELAY_DNS_MS);
	struct mx *mxs = calloc(MX_READ_MAX, sizeof(*mxs));
	enum err e = ERR_OK;
	bool is_null = false;
	size_t count;

	switch (answer->status) {
	case DNS_FOUND:
		count = mxs ? read_mxs(answer, mxs, &is_null) : 0;
		if (count > 0) {
			add_mxs(s, mxs, count);
		} else if (is_null) {
			failure_ours(why, RELAY_FAILED, "5.1.10", "the domain %s does not accept mail (null MX)", domain);
			e = ERR_DENIED;
		} else {
			/* Records that can't be read, or no memory: with nothing to go by, no verdict for good. */
			s->temp_failure = true;
		}
		break;
	case DNS_NO_DATA: add_host(s, domain); break;
	case DNS_NO_NAME:
		failure_ours(why, RELAY_FAILED, "5.1.2", "the domain %s does not exist", domain);
		e = ERR_NOT_FOUND;
		break;
	case DNS_TEMP_FAILURE: s->temp_failure = true; break;
	}
	free(mxs);
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

static bool find_by_name(struct search *s, const struct relay_job *job, struct failure *why)
{
	char name[DNS_MAX_NAME];
	struct net_addr addr;

	if (job->domain.len > 0 && job->domain.ptr[0] == '[') {
		if (!parse_literal(job->domain, &addr)) {
			failure_ours(why, RELAY_FAILED, "5.1.2", "the address literal can't be read");
			return false;
		}
		add_target(s, net_literal_text(&addr).text, &addr);
		return true;
	}
	if (!copy_name(job->domain, name, sizeof(name))) {
		failure_ours(why, RELAY_FAILED, "5.1.2", "the domain is no name");
		return false;
	}
	return ask_mx(s, name, why) == ERR_OK;
}

static bool find_named(struct search *s, const struct relay_host *via, struct failure *why)
{
	char name[DNS_MAX_NAME];
	struct net_addr addr;

	s->named = true;
	s->port = via->port;
	if (!copy_name(via->host, name, sizeof(name))) {
		failure_ours(why, RELAY_RETRY, "4.4.4", "the relay host is no name");
		return false;
	}
	if (net_ip_parse(via->host, &addr) == ERR_OK)
		add_target(s, name, &addr);
	else
		add_host(s, name);
	return true;
}

bool route_find(const struct relay_config *config, const struct relay_job *job, struct route *out, struct failure *why)
{
	struct search s = { .config = config, .route = out, .own_name = job->helo, .port = config->port };

	memset(out, 0, sizeof(*out));
	if (job->via ? !find_named(&s, job->via, why) : !find_by_name(&s, job, why))
		return false;
	if (out->count > 0)
		return true;
	if (s.temp_failure)
		failure_ours(why, RELAY_RETRY, "4.4.3", "DNS look-up failed, it is tried again");
	else if (s.loop)
		failure_ours(why, RELAY_FAILED, "5.4.6", "the mail server of the domain is this server, which does not know the domain");
	else if (job->via)
		failure_ours(why, RELAY_RETRY, "4.4.4", "the relay host has no address");
	else
		failure_ours(why, RELAY_FAILED, "5.4.4", "the domain has no mail server with an address");
	return false;
}
