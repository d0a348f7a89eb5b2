/* A tiny DNS server on a free UDP port of 127.0.0.1, for tests. */
#ifndef POSTROOM_TESTS_DNS_SERVER_H
#define POSTROOM_TESTS_DNS_SERVER_H

#include <pthread.h>
#include <stdint.h>

struct dns_record {
	const char *name; /* as asked, without the last dot; lower case */
	uint16_t type;    /* 0: the name exists with no data of other types; 0xffff: SERVFAIL; 0xfffe: silence */
	const void *rdata;
	uint16_t length;
};

struct dns_server {
	const struct dns_record *records; /* the last has a null name */
	int fd;
	uint16_t port;
	pthread_t thread;
	_Atomic unsigned queries;
	_Atomic int quit;
};

void dns_server_start(struct dns_server *s, const struct dns_record *records);
void dns_server_stop(struct dns_server *s);

#endif
