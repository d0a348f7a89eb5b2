/* relay/dane.c: see dane.h. */
#include "daemon/relay/dane.h"

#include <stdio.h>

#include "daemon/base/encode.h"
#include "daemon/net/resolver.h"

#define TEXT_MAX 65536

static void read_records(const struct dns_answer *answer, struct arena *a, struct dane *out)
{
	struct dns_tlsa found;

	out->state = DANE_UNUSABLE;
	for (size_t i = 0; i < answer->count && out->count < PLAN_TLSA_MAX; i++) {
		struct tls_tlsa *r = &out->tlsa[out->count];

		if (dns_read_tlsa(answer->records[i], &found) != ERR_OK)
			continue;
		*r = (struct tls_tlsa){ found.usage, found.selector, found.matching, found.data };
		if (!tls_tlsa_is_usable(r))
			continue;
		r->data = arena_copy(a, found.data);
		if (!r->data.ptr) {
			out->state = DANE_FAILED;
			return;
		}
		out->state = DANE_USABLE;
		out->count++;
	}
}

static void ask(struct resolver *r, uint16_t port, const char *base, struct arena *a, struct dane *out)
{
	struct dns_answer *answer;
	char name[DNS_MAX_NAME];
	int len = snprintf(name, sizeof(name), "_%u._tcp.%s", (unsigned)port, base);

	*out = (struct dane){ .state = DANE_NONE, .base = base };
	if (len < 0 || (size_t)len >= sizeof(name))
		return; /* no such name can be in the DNS */
	answer = resolver_ask_wait(r, name, DNS_TLSA, RELAY_DNS_MS);
	switch (answer->status) {
	case DNS_FOUND:
		if (answer->secure)
			read_records(answer, a, out);
		break;
	case DNS_NO_DATA:
	case DNS_NO_NAME: break;
	case DNS_TEMP_FAILURE:
		out->state = DANE_FAILED;
		out->bogus = answer->bogus;
		break;
	}
	dns_answer_free(&answer);
}

void dane_find(struct resolver *r, uint16_t port, const char *base, const char *second, struct arena *a, struct dane *out)
{
	ask(r, port, base, a, out);
	if (out->state == DANE_NONE && second)
		ask(r, port, second, a, out);
}

struct span dane_text(const struct tls_tlsa *records, size_t count, struct arena *a)
{
	struct buf text;
	struct span kept;

	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < count; i++) {
		buf_addf(&text, "%s%u %u %u ", i > 0 ? "\n" : "", (unsigned)records[i].usage, (unsigned)records[i].selector, (unsigned)records[i].matching);
		hex_encode(records[i].data, &text);
	}
	kept = text.failed ? SPAN("") : arena_copy(a, buf_span(&text));
	buf_clear(&text);
	return kept;
}
