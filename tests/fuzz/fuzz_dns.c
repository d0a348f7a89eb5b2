/* DNS record data, and the texts of addresses. The first byte chooses the reader. */
#include <stdlib.h>

#include "daemon/net/addr.h"
#include "daemon/net/rdata.h"
#include "daemon/net/tls_expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is written must be read as the same address again. */
static void check_round_trip(const struct net_addr *a)
{
	struct net_addr again;
	struct net_addr_text text = net_addr_text(a);

	if (net_addr_parse(span_str(text.text), &again) != ERR_OK || !net_ip_equals(a, &again) || a->port != again.port)
		abort();
}

static void check_name(const char *name)
{
	if (strlen(name) >= DNS_MAX_NAME || strpbrk(name, " \r\n\t\\\""))
		abort();
}

static void check_network(struct span in)
{
	struct net_cidr c;

	if (net_cidr_parse(in, &c) == ERR_OK && !net_cidrs_have(&c, 1, &c.network))
		abort();
}

static void check_tlsa(struct span in)
{
	struct dns_tlsa r;
	struct tls_tlsa t;

	if (dns_read_tlsa(in, &r) != ERR_OK)
		return;
	if (r.data.len == 0 || r.data.ptr + r.data.len != in.ptr + in.len)
		abort();
	t = (struct tls_tlsa){ r.usage, r.selector, r.matching, r.data };
	if (tls_tlsa_is_usable(&t) && (r.usage < 2 || r.usage > 3 || r.data.len > TLS_TLSA_DATA_MAX))
		abort();
}

static void check_txt(struct span in)
{
	struct buf text;

	buf_init(&text, 1024);
	if (dns_read_txt(in, &text) == ERR_OK && (text.failed || text.len >= in.len))
		abort();
	buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_skip(span_make((const char *)data, size), 1);
	struct net_addr a;
	struct dns_mx mx;

	if (size == 0)
		return 0;
	switch (data[0] % 7) {
	case 0:
		if (dns_read_mx(in, &mx) == ERR_OK)
			check_name(mx.host);
		break;
	case 1:
		if (dns_read_ip(DNS_A, in, &a) == ERR_OK)
			check_round_trip(&a);
		break;
	case 2:
		if (dns_read_ip(DNS_AAAA, in, &a) == ERR_OK)
			check_round_trip(&a);
		break;
	case 3:
		if (net_addr_parse(in, &a) == ERR_OK)
			check_round_trip(&a);
		break;
	case 4: check_network(in); break;
	case 5: check_tlsa(in); break;
	case 6: check_txt(in); break;
	}
	return 0;
}
