/* net/rdata.h: readers of DNS record data. Part of net/resolver.h, which includes it. */
#ifndef POSTROOM_NET_RDATA_H
#define POSTROOM_NET_RDATA_H

#include "daemon/base/buf.h"
#include "daemon/net/addr.h"

enum dns_type { DNS_A = 1,
		DNS_CNAME = 5,
		DNS_PTR = 12,
		DNS_MX = 15,
		DNS_TXT = 16,
		DNS_AAAA = 28,
		DNS_TLSA = 52 };

#define DNS_MAX_NAME 254

struct dns_mx {
	uint16_t preference;
	char host[DNS_MAX_NAME];
};

struct dns_tlsa {
	uint8_t usage, selector, matching;
	struct span data; /* in the record */
};

/* ERR_CORRUPT when it is not of the type's shape, or a name that could be no host's. Names come without the last dot, "" is the root. */
enum err dns_read_mx(struct span rdata, struct dns_mx *out) MUST_CHECK;
enum err dns_read_ip(enum dns_type type, struct span rdata, struct net_addr *out) MUST_CHECK;
enum err dns_read_tlsa(struct span rdata, struct dns_tlsa *out) MUST_CHECK;
/* The strings joined. ERR_LIMIT when they don't fit. */
enum err dns_read_txt(struct span rdata, struct buf *out) MUST_CHECK;

#endif
