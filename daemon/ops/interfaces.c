/* ops/interfaces.c: getifaddrs(3) as values. */
#include "daemon/ops/interfaces.h"

#include <ifaddrs.h>
#include <sys/socket.h>

size_t interfaces_list(struct net_addr *out, size_t size)
{
	struct ifaddrs *all = NULL;
	size_t count = 0;

	if (getifaddrs(&all) != 0)
		return 0;
	for (struct ifaddrs *i = all; i && count < size; i = i->ifa_next) {
		struct net_addr a;

		if (!i->ifa_addr)
			continue;
		a = net_addr_from_sockaddr(i->ifa_addr);
		if (a.family == NET_IPV4 || a.family == NET_IPV6)
			out[count++] = a;
	}
	freeifaddrs(all);
	return count;
}
