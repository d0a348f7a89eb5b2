/* net/addr.c: IP addresses, ports and networks as values. */
#include "daemon/net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#define IPV4_BITS 32u
#define IPV6_BITS 128u
#define UID_KNOWN 4 /* in ip of NET_UNIX, behind the uid */

static unsigned family_bits(enum net_family family)
{
	return family == NET_IPV4 ? IPV4_BITS : family == NET_IPV6 ? IPV6_BITS
								   : 0;
}

/* ::ffff:a.b.c.d is the IPv4 address a.b.c.d (RFC 4291 2.5.5.2), so that no list has to name it twice. */
static void fold_mapped(struct net_addr *a)
{
	static const uint8_t prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (a->family != NET_IPV6 || memcmp(a->ip, prefix, sizeof(prefix)) != 0)
		return;
	memmove(a->ip, a->ip + sizeof(prefix), 4);
	memset(a->ip + 4, 0, sizeof(a->ip) - 4);
	a->family = NET_IPV4;
}

enum err net_ip_parse(struct span text, struct net_addr *out)
{
	char copy[INET6_ADDRSTRLEN];
	struct net_addr a = { .family = NET_NONE };

	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, 0, text.len))
		return ERR_SYNTAX;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	if (inet_pton(AF_INET, copy, a.ip) == 1)
		a.family = NET_IPV4;
	else if (inet_pton(AF_INET6, copy, a.ip) == 1)
		a.family = NET_IPV6;
	else
		return ERR_SYNTAX;
	fold_mapped(&a);
	*out = a;
	return ERR_OK;
}

enum err net_addr_parse(struct span text, struct net_addr *out)
{
	struct net_addr a;
	struct span ip, port;
	uint64_t number;
	size_t at;

	if (text.len > 0 && text.ptr[0] == '[') {
		if (!span_find(text, SPAN("]:"), &at))
			return ERR_SYNTAX;
		ip = span_make(text.ptr + 1, at - 1);
		port = span_skip(text, at + 2);
		if (!span_find_char(ip, ':', &at))
			return ERR_SYNTAX;
	} else {
		if (!span_find_char(text, ':', &at))
			return ERR_SYNTAX;
		ip = span_take(text, at);
		port = span_skip(text, at + 1);
	}
	if (net_ip_parse(ip, &a) != ERR_OK || span_to_u64(port, UINT16_MAX, &number) != ERR_OK)
		return ERR_SYNTAX;
	a.port = (uint16_t)number;
	*out = a;
	return ERR_OK;
}

struct net_addr net_ip_from_bytes(struct span bytes)
{
	struct net_addr a = { .family = NET_NONE };

	if (bytes.len != 4 && bytes.len != 16)
		return a;
	memcpy(a.ip, bytes.ptr, bytes.len);
	a.family = bytes.len == 4 ? NET_IPV4 : NET_IPV6;
	fold_mapped(&a);
	return a;
}

/* True when all bits of `ip` from `from` on are zero. */
static bool host_bits_are_zero(const uint8_t *ip, unsigned from, unsigned bits)
{
	for (unsigned i = from; i < bits; i++)
		if (ip[i / 8] & (0x80u >> (i % 8)))
			return false;
	return true;
}

enum err net_cidr_parse(struct span text, struct net_cidr *out)
{
	struct net_cidr c = { 0 };
	size_t slash = text.len;
	uint64_t bits;
	bool has_prefix = span_find_char(text, '/', &slash);
	struct span ip = span_take(text, slash);
	size_t colon;

	if (net_ip_parse(ip, &c.network) != ERR_OK)
		return ERR_SYNTAX;
	c.prefix_bits = family_bits(c.network.family);
	if (has_prefix) {
		/* A mapped network counts its prefix over 128 bits; only what is inside ::ffff:0:0/96 has a folded form. */
		bool mapped = c.network.family == NET_IPV4 && span_find_char(ip, ':', &colon);
		unsigned lost = mapped ? IPV6_BITS - IPV4_BITS : 0;

		if (span_to_u64(span_skip(text, slash + 1), c.prefix_bits + lost, &bits) != ERR_OK || bits < lost)
			return ERR_SYNTAX;
		c.prefix_bits = (unsigned)bits - lost;
	}
	if (!host_bits_are_zero(c.network.ip, c.prefix_bits, family_bits(c.network.family)))
		return ERR_SYNTAX;
	*out = c;
	return ERR_OK;
}

struct net_addr_text net_ip_text(const struct net_addr *a)
{
	struct net_addr_text t = { "" };

	switch (a->family) {
	case NET_NONE: break;
	case NET_UNIX:
		snprintf(t.text, sizeof(t.text), "unix");
		if (a->ip[UID_KNOWN])
			snprintf(t.text, sizeof(t.text), "uid %u", net_addr_uid(a));
		break;
	case NET_IPV4: inet_ntop(AF_INET, a->ip, t.text, sizeof(t.text)); break;
	case NET_IPV6: inet_ntop(AF_INET6, a->ip, t.text, sizeof(t.text)); break;
	}
	return t;
}

struct net_addr_text net_addr_text(const struct net_addr *a)
{
	struct net_addr_text ip = net_ip_text(a), t = ip;

	if (a->family == NET_IPV4)
		snprintf(t.text, sizeof(t.text), "%.46s:%u", ip.text, a->port);
	else if (a->family == NET_IPV6)
		snprintf(t.text, sizeof(t.text), "[%.46s]:%u", ip.text, a->port);
	return t;
}

struct net_addr_text net_literal_text(const struct net_addr *a)
{
	struct net_addr_text ip = net_ip_text(a), t;

	snprintf(t.text, sizeof(t.text), a->family == NET_IPV6 ? "[IPv6:%.46s]" : "[%.46s]", ip.text);
	return t;
}

struct net_addr net_addr_of_uid(uint32_t uid)
{
	struct net_addr a = { .family = NET_UNIX };

	memcpy(a.ip, &uid, sizeof(uid));
	a.ip[UID_KNOWN] = 1;
	return a;
}

uint32_t net_addr_uid(const struct net_addr *a)
{
	uint32_t uid;

	memcpy(&uid, a->ip, sizeof(uid));
	return uid;
}

bool net_ip_equals(const struct net_addr *a, const struct net_addr *b)
{
	if (a->family != b->family)
		return false;
	return memcmp(a->ip, b->ip, family_bits(a->family) / 8) == 0;
}

static bool cidr_has(const struct net_cidr *c, const struct net_addr *a)
{
	unsigned bytes = c->prefix_bits / 8, rest = c->prefix_bits % 8;

	if (c->network.family != a->family || family_bits(a->family) == 0)
		return false;
	if (memcmp(c->network.ip, a->ip, bytes) != 0)
		return false;
	return rest == 0 || ((c->network.ip[bytes] ^ a->ip[bytes]) >> (8 - rest)) == 0;
}

bool net_cidrs_have(const struct net_cidr *list, size_t count, const struct net_addr *a)
{
	for (size_t i = 0; i < count; i++)
		if (cidr_has(&list[i], a))
			return true;
	return false;
}

bool net_is_loopback(const struct net_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	switch (a->family) {
	case NET_NONE: return false;
	case NET_UNIX: return true;
	case NET_IPV4: return a->ip[0] == 127;
	case NET_IPV6: return memcmp(a->ip, one, sizeof(one)) == 0;
	}
	return false;
}

struct special {
	uint8_t ip[16];
	unsigned bits;
};

static bool is_within(const uint8_t *ip, const struct special *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned whole = list[i].bits / 8, rest = list[i].bits % 8;

		if (memcmp(ip, list[i].ip, whole) == 0 && (!rest || ((ip[whole] ^ list[i].ip[whole]) >> (8 - rest)) == 0))
			return true;
	}
	return false;
}

/* IANA IPv4 and IPv6 Special-Purpose Address Registries, multicast and what is reserved. */
static bool is_public_ipv4(const uint8_t *ip)
{
	static const struct special list[] = { { { 0 }, 8 }, { { 10 }, 8 }, { { 100, 64 }, 10 }, { { 127 }, 8 }, { { 169, 254 }, 16 }, { { 172, 16 }, 12 }, { { 192, 0, 0 }, 24 }, { { 192, 0, 2 }, 24 }, { { 192, 88, 99 }, 24 }, { { 192, 168 }, 16 }, { { 198, 18 }, 15 }, { { 198, 51, 100 }, 24 }, { { 203, 0, 113 }, 24 }, { { 224 }, 3 } };

	return !is_within(ip, list, sizeof(list) / sizeof(list[0]));
}

static bool is_public_ipv6(const uint8_t *ip)
{
	static const struct special global = { { 0x20 }, 3 }, nat64 = { { 0, 0x64, 0xff, 0x9b }, 96 }, six_to_four = { { 0x20, 0x02 }, 16 },
				    list[] = { { { 0x20, 0x01, 0 }, 23 }, { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, { { 0x3f, 0xff }, 20 } };

	if (is_within(ip, &nat64, 1))
		return is_public_ipv4(ip + 12);
	if (is_within(ip, &six_to_four, 1))
		return is_public_ipv4(ip + 2);
	return is_within(ip, &global, 1) && !is_within(ip, list, sizeof(list) / sizeof(list[0]));
}

bool net_is_public(const struct net_addr *a)
{
	switch (a->family) {
	case NET_NONE:
	case NET_UNIX: return false;
	case NET_IPV4: return is_public_ipv4(a->ip);
	case NET_IPV6: return is_public_ipv6(a->ip);
	}
	return false;
}

uint64_t net_network(const struct net_addr *a)
{
	uint64_t network;

	memcpy(&network, a->ip, sizeof(network)); /* IPv4 has zeros behind */
	return network;
}

uint64_t net_network_hash(uint64_t network, uint32_t family, uint64_t seed)
{
	uint64_t h = network ^ seed ^ family;

	h = (h ^ (h >> 32)) * 0x9e3779b97f4a7c15u;
	h = (h ^ (h >> 29)) * (seed | 1);
	return h ^ (h >> 32);
}

unsigned net_addr_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (a->family == NET_IPV4) {
		struct sockaddr_in *in4 = (struct sockaddr_in *)out;

		in4->sin_family = AF_INET;
		in4->sin_port = htons(a->port);
		memcpy(&in4->sin_addr, a->ip, 4);
		return sizeof(*in4);
	}
	if (a->family == NET_IPV6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		memcpy(&in6->sin6_addr, a->ip, 16);
		return sizeof(*in6);
	}
	return 0;
}

struct net_addr net_addr_from_sockaddr(const struct sockaddr *sa)
{
	struct net_addr a = { .family = NET_NONE };

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in4 = (const struct sockaddr_in *)sa;

		a.family = NET_IPV4;
		a.port = ntohs(in4->sin_port);
		memcpy(a.ip, &in4->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

		a.family = NET_IPV6;
		a.port = ntohs(in6->sin6_port);
		memcpy(a.ip, &in6->sin6_addr, 16);
		fold_mapped(&a);
	} else if (sa->sa_family == AF_UNIX) {
		a.family = NET_UNIX;
	}
	return a;
}
