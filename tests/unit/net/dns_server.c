/* A tiny DNS server: one question, its records by exact name and type (RFC 1035 4.1). */
#include "tests/unit/net/dns_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define TYPE_ANY 0
#define TYPE_CNAME 5 /* answers to every type */
#define TYPE_SERVFAIL 0xffff
#define TYPE_SILENCE 0xfffe

static void put16(unsigned char **to, unsigned value)
{
	*(*to)++ = (unsigned char)(value >> 8);
	*(*to)++ = (unsigned char)value;
}

/* The question's name as text, and where its type stands; null when it does not fit. */
static const unsigned char *read_name(const unsigned char *at, const unsigned char *end, char name[256])
{
	size_t len = 0;

	while (at < end && *at) {
		size_t label = *at++;

		if (label > 63 || (size_t)(end - at) <= label || len + label + 2 > 256)
			return NULL;
		if (len > 0)
			name[len++] = '.';
		memcpy(name + len, at, label);
		len += label;
		at += label;
	}
	name[len] = 0;
	return at + 5 <= end ? at + 1 : NULL;
}

static size_t answer(const struct dns_server *s, unsigned char *packet, size_t len)
{
	char name[256];
	const unsigned char *type_at = len > 12 ? read_name(packet + 12, packet + len, name) : NULL;
	unsigned char *to;
	unsigned type, count = 0, rcode = 3;

	if (!type_at)
		return 0;
	type = (unsigned)type_at[0] << 8 | type_at[1];
	to = packet + (type_at - packet) + 4;
	for (const struct dns_record *r = s->records; r->name; r++) {
		if (strcasecmp(r->name, name) != 0)
			continue;
		if (r->type == TYPE_SILENCE)
			return 0;
		rcode = r->type == TYPE_SERVFAIL ? 2 : 0;
		if (r->type != type && r->type != TYPE_CNAME)
			continue;
		put16(&to, 0xc00c); /* the question's name */
		put16(&to, r->type);
		put16(&to, 1);
		put16(&to, 0);
		put16(&to, 60);
		put16(&to, r->length);
		memcpy(to, r->rdata, r->length);
		to += r->length;
		count++;
	}
	packet[2] = 0x85; /* response, authoritative, recursion desired */
	packet[3] = (unsigned char)(0x80 | rcode);
	memset(packet + 6, 0, 6);
	packet[7] = (unsigned char)count;
	return (size_t)(to - packet);
}

static void *run(void *arg)
{
	struct dns_server *s = arg;
	unsigned char packet[4096];

	while (!s->quit) {
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);
		ssize_t got = recvfrom(s->fd, packet, 512, 0, (struct sockaddr *)&from, &from_len);
		size_t len;

		if (got <= 0 || s->quit)
			continue;
		s->queries++;
		len = answer(s, packet, (size_t)got);
		if (len > 0)
			sendto(s->fd, packet, len, 0, (struct sockaddr *)&from, from_len);
	}
	return NULL;
}

void dns_server_start(struct dns_server *s, const struct dns_record *records)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	memset(s, 0, sizeof(*s));
	s->records = records;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&at, len) == 0 && getsockname(s->fd, (struct sockaddr *)&at, &len) == 0);
	s->port = ntohs(at.sin_port);
	assert(pthread_create(&s->thread, NULL, run, s) == 0);
}

void dns_server_stop(struct dns_server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	s->quit = 1;
	sendto(s->fd, "", 1, 0, (struct sockaddr *)&at, sizeof(at));
	pthread_join(s->thread, NULL);
	close(s->fd);
}
