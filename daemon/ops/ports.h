/* ops/ports.h: the pools behind the mail ports: which service has which threads and limits. */
#ifndef POSTROOM_OPS_PORTS_H
#define POSTROOM_OPS_PORTS_H

#include "daemon/net/pool.h"
#include "daemon/ops/config.h"

struct directory;
struct ports;

/* All borrowed for the ports' life. */
struct ports_config {
	const struct config *config;
	struct directory *directory; /* limits, as they are at the start */
	struct tls_store *tls;
	const struct service *mx, *lmtp, *submission, *imap, *pop3;
	const struct service *local;   /* at local_path */
	const char *local_path;        /* what sendmail(1) uses: open to everybody on this machine; who it is decides what they may */
	int64_t (*left_ms)(void *arg); /* of the time to stop in */
	void *arg;
};

/* Takes the listeners (beside config->listeners) of the mail services; those of others stay. From here on peers are served. */
enum err ports_open(const struct ports_config *config, struct listener **listeners, struct ports **out, struct note *why) MUST_CHECK;
/* Orderly; answers of other threads are still welcome until ports_free(). Null is allowed. */
void ports_stop(struct ports *p);
void ports_free(struct ports **p);

#endif
