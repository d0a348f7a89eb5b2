/* net/addr.h: IP addresses, ports and networks as values. IPv4-mapped IPv6 is folded to IPv4 when it is made. */
#ifndef POSTROOM_NET_ADDR_H
#define POSTROOM_NET_ADDR_H

#include "daemon/base/span.h"

struct sockaddr;
struct sockaddr_storage;

enum net_family { NET_NONE = 0,
		  NET_IPV4 = 4,
		  NET_IPV6 = 6,
		  NET_UNIX = 1 };

struct net_addr {
	enum net_family family;
	uint8_t ip[16]; /* IPv4 in the first 4 bytes; of NET_UNIX the peer's uid there, and a 1 behind it where it is known */
	uint16_t port;
};

struct net_cidr {
	struct net_addr network; /* port unused */
	unsigned prefix_bits;
};

/* Longest text of an address with port and brackets, and its NUL. */
#define NET_ADDR_TEXT 64
struct net_addr_text {
	char text[NET_ADDR_TEXT];
};

/* "192.0.2.1:25", "[2001:db8::1]:25"; the port is 1 to 65535 (0 is allowed too: the kernel chooses, for tests). */
enum err net_addr_parse(struct span text, struct net_addr *out) MUST_CHECK;
/* "192.0.2.1" or "2001:db8::1", no port, no brackets. */
enum err net_ip_parse(struct span text, struct net_addr *out) MUST_CHECK;
/* "192.0.2.0/24", "2001:db8::/32", or one address. Bits behind the prefix must be zero. */
enum err net_cidr_parse(struct span text, struct net_cidr *out) MUST_CHECK;

/* 4 or 16 bytes in network order; NET_NONE for any other length. */
struct net_addr net_ip_from_bytes(struct span bytes);

/* With the port: "192.0.2.1:25", "[2001:db8::1]:25"; "unix" for NET_UNIX, "uid 1000" where that is known. */
struct net_addr_text net_addr_text(const struct net_addr *a);
/* Without the port. */
struct net_addr_text net_ip_text(const struct net_addr *a);
/* As RFC 5321 4.1.3 writes an address literal: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
struct net_addr_text net_literal_text(const struct net_addr *a);

/* NET_UNIX and back: who is at the other end. */
struct net_addr net_addr_of_uid(uint32_t uid);
uint32_t net_addr_uid(const struct net_addr *a);

bool net_ip_equals(const struct net_addr *a, const struct net_addr *b); /* ports not compared */
bool net_cidrs_have(const struct net_cidr *list, size_t count, const struct net_addr *a);
bool net_is_loopback(const struct net_addr *a);
/* Of the open internet: not of the special-purpose registries (RFC 6890), and not an IPv6 address that holds such an IPv4 one. */
bool net_is_public(const struct net_addr *a);

/* What counts as one peer: an address, and of IPv6 its /64, which is one customer. */
uint64_t net_network(const struct net_addr *a);
/* For tables of them: without the seed nobody can choose addresses that collide. */
uint64_t net_network_hash(uint64_t network, uint32_t family, uint64_t seed);

/* Returns the length of the sockaddr, 0 for NET_NONE and NET_UNIX. */
unsigned net_addr_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *out);
struct net_addr net_addr_from_sockaddr(const struct sockaddr *sa);

#endif
