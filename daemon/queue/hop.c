/* queue/hop.c: hosts and ports. */
#include "daemon/queue/hop.h"

#define HOST_MAX_BYTES 253u

static bool is_host(struct span host)
{
	bool label = false;

	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!alnum && c != '-' && c != '.')
			return false;
		/* No empty label. */
		if (c == '.' && !label)
			return false;
		label = c != '.';
	}
	return label && host.len <= HOST_MAX_BYTES;
}

static enum err parse_port(struct span text, uint16_t *out)
{
	unsigned port = 0;

	if (text.len == 0 || text.len > 5)
		return ERR_SYNTAX;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return ERR_SYNTAX;
		port = port * 10 + (unsigned)(text.ptr[i] - '0');
	}
	if (port == 0 || port > 65535)
		return ERR_SYNTAX;
	*out = (uint16_t)port;
	return ERR_OK;
}

enum err hop_parse(struct span text, struct relay_host *out)
{
	size_t colon = text.len;
	struct net_addr addr;

	*out = (struct relay_host){ .tls = RELAY_TLS_OPPORTUNISTIC };
	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	if (colon < 2 || parse_port(span_skip(text, colon), &out->port))
		return ERR_SYNTAX;
	out->host = span_take(text, colon - 1);
	if (out->host.ptr[0] != '[')
		return is_host(out->host) ? ERR_OK : ERR_SYNTAX;
	if (net_addr_parse(text, &addr) || addr.family != NET_IPV6)
		return ERR_SYNTAX;
	out->host = span_take(span_skip(out->host, 1), out->host.len - 2);
	return ERR_OK;
}
