/* net/pool_internal.h: the inside of a pool, shared by the files of net that make it up. */
#ifndef POSTROOM_NET_POOL_INTERNAL_H
#define POSTROOM_NET_POOL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/net/peers.h"
#include "daemon/net/pool.h"
#include "daemon/net/waited.h"
#include "daemon/net/wheel.h"

/* A ticket's slot is service index << 24 | index of the connection: who drops a late answer must know whose it was. */
#define POOL_SLOT_BITS 24
#define POOL_MAX_SLOTS (1u << POOL_SLOT_BITS)
#define POOL_MAX_SERVICES 16u
#define POOL_MAX_PORTS 64u
#define POOL_MAX_THREADS 256u

#define READ_CHUNK (64u * 1024u) /* read and fed in one turn */
#define TLS_RECORD (16u * 1024u) /* RFC 8446 5.1 */

struct conn;
struct deflater;

/* One attached listener. */
struct port {
	pthread_mutex_t lock;      /* guards listener against a close while it accepts */
	struct listener *listener; /* null: closed */
	unsigned service;
	bool implicit_tls;
	uint32_t index;
	struct wheel_entry pause; /* in the wheel while out of descriptors */
};

/* Connections with something to do. Each is owned by the list. */
struct ready {
	pthread_mutex_t lock; /* guards first, last, count, signalled and the increments of sleepers */
	struct conn *first, *last;
	size_t count;
	bool signalled; /* an eventfd event is under way */
	atomic_uint sleepers;
	int event_fd;
};

struct slots {
	pthread_mutex_t lock; /* guards free, fresh, live */
	pthread_cond_t empty; /* live == 0 */
	struct conn *table;
	struct conn *free;
	unsigned size, fresh; /* table[fresh ..] has never been used */
	unsigned live;
};

struct pool {
	struct pool_config config;
	int epoll_fd;
	struct ready ready;
	struct slots slots;
	struct wheel wheel;
	struct peers peers;
	struct waited *waited; /* null: nobody waits here */
	const struct service *services[POOL_MAX_SERVICES];
	unsigned service_count;
	struct port ports[POOL_MAX_PORTS];
	unsigned port_count;
	pthread_mutex_t reserve_lock; /* guards reserve_fd */
	int reserve_fd;               /* given up for a moment at EMFILE */
	pthread_t *threads;
	unsigned thread_count;
	atomic_uint parked;
	_Atomic int64_t warned_ms; /* when "full" was last logged */
	_Atomic int64_t warned_proxy_ms;
	atomic_bool quit;
};

/* One thread of a pool. `in` and `left` belong to the connection whose turn it is. */
struct worker {
	struct pool *pool;
	int64_t now_ms;
	struct span left; /* input that the session has not used: in `in` or in the connection's own buffer */
	bool left_in_conn;
	unsigned feeds;            /* of this turn */
	size_t bytes;              /* read in this turn */
	bool mored;                /* STEP_MORE in this turn */
	struct deflater *deflater; /* null before the first connection that compresses */
	char in[READ_CHUNK];
	char out[TLS_RECORD];
};

#endif
