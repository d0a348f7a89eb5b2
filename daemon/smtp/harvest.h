/* smtp/harvest.h: how many recipients who are unknown here an address has named lately. IPv6 counts per /64: that is one customer. */
#ifndef POSTROOM_SMTP_HARVEST_H
#define POSTROOM_SMTP_HARVEST_H

#include "daemon/net/addr.h"

/* Halved each so many minutes in which none comes. */
#define HARVEST_HALF_MINUTES 30
#define HARVEST_ADDRESSES_MAX 4096u

struct harvest;

enum err harvest_new(struct harvest **out) MUST_CHECK;
void harvest_free(struct harvest **h);
/* One more; the count with it. */
unsigned harvest_add(struct harvest *h, const struct net_addr *a, int64_t now_mono_ms);

#endif
