/* unit/relay/fake_dns.h: a zone in memory in the place of the resolver. */
#ifndef POSTROOM_UNIT_FAKE_DNS_H
#define POSTROOM_UNIT_FAKE_DNS_H

#include "daemon/net/resolver.h"

void fake_dns_clear(void);
/* An MX as "10 host", an A or AAAA as an address; "nxdomain" and "temp" are statuses. Names that are not here are nxdomain; types that are not, no data. */
void fake_dns_add(const char *name, enum dns_type type, const char *value);

#endif
