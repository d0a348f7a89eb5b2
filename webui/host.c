/* webui/host.c: the Host of a request against what is ours. */
#include "webui/host.h"

static bool is_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_alpha(s.ptr[i]) && !ascii_is_digit(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '.' && s.ptr[i] != '_')
			return false;
	return s.len > 0 && s.len <= HOST_NAME_MAX_BYTES && s.ptr[0] != '.';
}

static enum err read_port(struct span text, uint16_t *out)
{
	uint64_t port;

	if (span_to_u64(text, 65535, &port) != ERR_OK || port == 0)
		return ERR_SYNTAX;
	*out = (uint16_t)port;
	return ERR_OK;
}

enum err host_parse(struct span text, struct host *out)
{
	size_t end = 0;

	*out = (struct host){ 0 };
	if (text.len > 0 && text.ptr[0] == '[') {
		if (!span_find_char(text, ']', &end))
			return ERR_SYNTAX;
		out->name = span_make(text.ptr + 1, end - 1);
		if (net_ip_parse(out->name, &out->ip) != ERR_OK || !span_find_char(out->name, ':', &(size_t){ 0 }))
			return ERR_SYNTAX;
		end++;
	} else {
		if (!span_find_char(text, ':', &end))
			end = text.len;
		out->name = span_take(text, end);
		if (!is_name(out->name))
			return ERR_SYNTAX;
		if (net_ip_parse(out->name, &out->ip) != ERR_OK)
			out->ip = (struct net_addr){ 0 };
	}
	if (end == text.len)
		return ERR_OK;
	return text.ptr[end] == ':' ? read_port(span_make(text.ptr + end + 1, text.len - end - 1), &out->port) : ERR_SYNTAX;
}

bool host_is_ours(const struct host *h, const struct host_rules *rules)
{
	static const char *const before[] = { "mail.", "autoconfig." };
	char lower[HOST_NAME_MAX_BYTES];
	struct span name = h->name;

	if (h->ip.family != NET_NONE)
		return true; /* an address can't be rebound to another; behind NAT the one that people type is none of our interfaces */
	if (name.len > 1 && name.ptr[name.len - 1] == '.')
		name.len--; /* the root's dot */
	for (size_t i = 0; i < name.len; i++)
		lower[i] = ascii_lower(name.ptr[i]);
	name.ptr = lower;
	if (span_iequals(name, rules->hostname))
		return true;
	if (span_equals(name, SPAN("localhost")))
		return net_is_loopback(&rules->local);
	for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
		if (span_starts(name, span_str(before[i])) && span_in_sorted(span_skip(name, strlen(before[i])), rules->domains, rules->domain_count))
			return true;
	return false;
}
