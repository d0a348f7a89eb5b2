/* ops/ports.c: see ports.h. A pool nobody listens at is not made. */
#include "daemon/ops/ports.h"

#include <stdlib.h>

#include "daemon/directory/setting.h"

#define STOP_POOL_MS 1500 /* each pool's share */

enum { POOL_MX,
       POOL_LMTP, /* not of mx: strangers who fill that leave the mail server in front of us alone */
       POOL_SUBMISSION,
       POOL_ACCESS,
       POOL_COUNT };

struct ports {
	struct ports_config config;
	struct pool *pools[POOL_COUNT];
};

static bool listens(const struct config *c, enum listen_service service)
{
	for (size_t i = 0; i < c->listener_count; i++)
		if (c->listeners[i].service == service)
			return true;
	return false;
}

/* What strangers may take of port 25 is the administrator's to say. */
static void set_mx_limits(struct directory *d, struct pool_config *c)
{
	const struct snapshot *s = directory_hold(d);

	c->max_connections = (unsigned)snapshot_number(s, SETTING_SMTP_CONNECTIONS_MAX);
	c->max_per_ip = (unsigned)snapshot_number(s, SETTING_SMTP_CONNECTIONS_PER_ADDRESS_MAX);
	c->greet_delay_ms = snapshot_number(s, SETTING_SMTP_GREETING_SECONDS) * 1000;
	snapshot_release(&s);
}

static enum err make_pools(struct ports *p, struct note *why)
{
	const struct config *config = p->config.config;
	struct pool_config c[POOL_COUNT] = {
		[POOL_MX] = { .name = "mx", .threads = 8 },
		[POOL_LMTP] = { .name = "lmtp", .threads = 4, .max_connections = 500 },
		[POOL_SUBMISSION] = { .name = "submission", .threads = 4, .max_connections = 2000, .max_per_ip = 100 },
		[POOL_ACCESS] = { .name = "access", .threads = 16, .max_connections = 20000, .max_per_ip = 400 },
	};
	enum err e = ERR_OK;

	set_mx_limits(p->config.directory, &c[POOL_MX]);
	for (int i = 0; i < POOL_COUNT && e == ERR_OK; i++) {
		if (i == POOL_LMTP && !listens(config, LISTEN_LMTP))
			continue;
		c[i].proxies = config->proxies;
		c[i].proxy_count = config->proxy_count;
		c[i].trusted = config->trusted;
		c[i].trusted_count = config->trusted_count;
		c[i].tls = p->config.tls;
		e = pool_new(&c[i], &p->pools[i], why);
	}
	return e;
}

static enum err attach(struct ports *p, enum listen_service service, struct listener **l)
{
	switch (service) {
	case LISTEN_MX: return pool_attach(p->pools[POOL_MX], l, p->config.mx, false);
	case LISTEN_LMTP: return pool_attach(p->pools[POOL_LMTP], l, p->config.lmtp, false);
	case LISTEN_SUBMISSION: return pool_attach(p->pools[POOL_SUBMISSION], l, p->config.submission, false);
	case LISTEN_SUBMISSIONS: return pool_attach(p->pools[POOL_SUBMISSION], l, p->config.submission, true);
	case LISTEN_IMAP: return pool_attach(p->pools[POOL_ACCESS], l, p->config.imap, false);
	case LISTEN_IMAPS: return pool_attach(p->pools[POOL_ACCESS], l, p->config.imap, true);
	case LISTEN_POP3: return pool_attach(p->pools[POOL_ACCESS], l, p->config.pop3, false);
	case LISTEN_POP3S: return pool_attach(p->pools[POOL_ACCESS], l, p->config.pop3, true);
	case LISTEN_HTTP:
	case LISTEN_HTTPS: break; /* the web server takes them */
	}
	return ERR_OK;
}

static enum err attach_local(struct ports *p, struct note *why)
{
	struct listener *l = NULL;
	enum err e = listener_bind_unix(p->config.local_path, 0666, &l, why);

	if (e == ERR_OK)
		e = pool_attach(p->pools[POOL_SUBMISSION], &l, p->config.local, false);
	listener_close(&l);
	return e;
}

enum err ports_open(const struct ports_config *config, struct listener **listeners, struct ports **out, struct note *why)
{
	struct ports *p = calloc(1, sizeof(*p));
	enum err e;

	*out = p;
	if (!p)
		return ERR_TEMP;
	p->config = *config;
	e = make_pools(p, why);
	for (size_t i = 0; i < config->config->listener_count && e == ERR_OK; i++)
		e = attach(p, config->config->listeners[i].service, &listeners[i]);
	if (e == ERR_OK)
		e = attach_local(p, why);
	for (int i = 0; i < POOL_COUNT && e == ERR_OK; i++)
		e = p->pools[i] ? pool_start(p->pools[i], why) : ERR_OK;
	return e;
}

void ports_stop(struct ports *p)
{
	for (int i = 0; p && i < POOL_COUNT; i++) {
		int64_t left_ms = p->config.left_ms(p->config.arg);

		if (p->pools[i])
			pool_stop(p->pools[i], left_ms < STOP_POOL_MS ? left_ms : STOP_POOL_MS);
	}
}

void ports_free(struct ports **p)
{
	for (int i = 0; *p && i < POOL_COUNT; i++)
		pool_free(&(*p)->pools[i]);
	free(*p);
	*p = NULL;
}
