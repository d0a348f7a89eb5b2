/* unit/relay/fake_dns.h: a zone in memory in the place of the resolver. */
#ifndef POSTROOM_UNIT_FAKE_DNS_H
#define POSTROOM_UNIT_FAKE_DNS_H

#include "daemon/net/resolver.h"

void fake_dns_clear(void);
/* An MX as "10 host", an A or AAAA as an address, a TLSA as "3 1 1 0a1b", a CNAME as a name; "temp" and "bogus" are failures. Names that are not here are
 * nxdomain; types that are not, no data. The texts are borrowed. */
void fake_dns_add(const char *name, enum dns_type type, const char *value);
/* Answers about that name, and that it has nothing, are signed. */
void fake_dns_sign(const char *name);
/* Questions asked so far. */
unsigned fake_dns_asked(void);

#endif
