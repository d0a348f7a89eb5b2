/* A pool with a small line service on a free port of loopback, and blocking clients for it.
 *
 *   echo X      X                          quit        bye, closed
 *   park X      answered X, when the test answers      now X       the same, answered inside ask()
 *   late X      the same, by pool_answer_later() in one second
 *   big N       N bytes by more()          file N      N bytes of a file
 *   body N      takes N bytes, then "got N"            starttls    go, then TLS
 *   compress    go, then DEFLATE
 */
#ifndef POSTROOM_TESTS_POOL_BENCH_H
#define POSTROOM_TESTS_POOL_BENCH_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/net/pool.h"
#include "daemon/net/tls.h"

struct bench_options {
	unsigned threads, max_connections, max_per_ip; /* 0: 4, 100, 100 */
	int64_t deadline_ms;                           /* 0: a minute */
	int64_t greet_delay_ms;
	int64_t nudge_ms; /* 0: none */
	bool implicit_tls, with_tls, refuse_open;
	bool trusted;          /* loopback and 198.51.100.0/24 */
	bool proxied;          /* peers on loopback begin with a PROXY header */
	const char *unix_path; /* a unix socket there instead of a port */
};

struct bench {
	struct pool *pool;
	struct net_addr at;
	struct service service;
	struct tls_store *tls;
	struct tls_client *tls_client;
	struct out_file *file;
	int64_t deadline_ms, nudge_ms;
	bool refuse_open;
	_Atomic uint64_t produced; /* by `big` */
	_Atomic unsigned opened, closed, dropped, wakes, timeouts, eofs;
	pthread_mutex_t lock; /* guards asked, asked_count, self */
	pthread_cond_t changed;
	struct ticket asked[64]; /* questions not taken yet */
	unsigned asked_count;
	struct net_addr last_peer, last_local; /* of the last session that was opened; the test looks when it has been greeted */
	bool last_trusted, last_proxied;
	struct ticket self; /* of the last session that was opened */
};

void bench_start(struct bench *b, const struct bench_options *options);
void bench_stop(struct bench *b);
struct ticket bench_question(struct bench *b); /* waits for one */
struct ticket bench_self(struct bench *b);
/* Until the pool holds so many connections: descriptor and slot of the others are given back (their session closed before that). */
void bench_await_connections(struct bench *b, unsigned count);
void bench_await(struct bench *b, const _Atomic unsigned *counter, unsigned at_least); /* at most 5 s, else fails */

int bench_connect(const struct bench *b); /* a blocking socket; reads give up after 5 s */
void say(int fd, const char *text);
void say_bytes(int fd, const void *bytes, size_t len);
void expect(int fd, const char *text);
void expect_zeros(int fd, size_t count); /* what `big` and `file` send: count bytes of 'z' */
void expect_end(int fd);

struct tls *bench_tls(const struct bench *b, int fd, const char *name, enum tls_verify verify);
void tls_say(struct tls *t, const char *text);
void tls_expect(struct tls *t, const char *text);

#endif
