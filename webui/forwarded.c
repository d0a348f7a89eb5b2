/* webui/forwarded.c: reads X-Forwarded-For from the right. */
#include "webui/forwarded.h"

#define HOPS_MAX 16

/* An address, alone or with a port. */
static bool read_hop(struct span text, struct net_addr *out)
{
	text = span_trim(text);
	if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
		text = span_make(text.ptr + 1, text.len - 2);
	return net_ip_parse(text, out) == ERR_OK || net_addr_parse(text, out) == ERR_OK;
}

struct net_addr forwarded_client(const struct net_addr *peer, struct span field, const struct net_cidr *proxies, size_t proxy_count)
{
	struct net_addr client = *peer;

	for (int hop = 0; hop < HOPS_MAX && field.len > 0; hop++) {
		size_t start = field.len;
		struct net_addr next;

		while (start > 0 && field.ptr[start - 1] != ',')
			start--;
		if (!read_hop(span_make(field.ptr + start, field.len - start), &next))
			break;
		client = next;
		if (!net_cidrs_have(proxies, proxy_count, &next))
			break;
		field.len = start > 0 ? start - 1 : 0;
	}
	return client;
}
