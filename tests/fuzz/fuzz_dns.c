/* DNS record data, and the texts of addresses. The first byte chooses the reader. */
#include <stdlib.h>

#include "daemon/net/addr.h"
#include "daemon/net/rdata.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_skip(span_make((const char *)data, size), 1);
	struct net_addr a;
	struct dns_mx mx;

	if (size == 0)
		return 0;
	switch (data[0] % 5) {
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
	}
	return 0;
}
