/* main.c: wires everything; the only file that knows every part.
 *
 *   read the configuration ──▶ bind every port ──▶ folders, key, lock, directory
 *        not set up: a page that says so, until `postroom setup` was run ──▶ on
 *        set up: the parts below in their order ──▶ READY ──▶ signal ──▶ the parts in reverse
 *
 * (1) Nothing is touched before the configuration is good and every port is ours.
 * (2) A part is stopped only after all that stand on it.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>

#include "api/api.h"
#include "api/jobs.h"
#include "api/probes.h"
#include "daemon/auth/auth.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/version.h"
#include "daemon/cli/cli.h"
#include "daemon/crypto/x509.h"
#include "daemon/directory/directory.h"
#include "daemon/events/events.h"
#include "daemon/events/trace.h"
#include "daemon/imap/imap.h"
#include "daemon/net/fetch.h"
#include "daemon/net/listener.h"
#include "daemon/net/resolver.h"
#include "daemon/net/tls.h"
#include "daemon/ops/certificates.h"
#include "daemon/ops/config.h"
#include "daemon/ops/doctor.h"
#include "daemon/ops/ground.h"
#include "daemon/ops/interfaces.h"
#include "daemon/ops/ports.h"
#include "daemon/ops/process.h"
#include "daemon/ops/service_manager.h"
#include "daemon/ops/webhooks.h"
#include "daemon/pop3/pop3.h"
#include "daemon/queue/queue.h"
#include "daemon/relay/relay.h"
#include "daemon/smtp/smtp.h"
#include "daemon/store/store.h"
#include "db/checkpointer.h"
#include "db/db.h"
#include "webui/webui.h"

#define STOP_DEADLINE_MS 10000 /* all parts together */
#define STOP_WEB_MS 1000
#define SETUP_POLL_S 1
#define TEND_EVERY_S 30
#define TURNS_A_MINUTE 2
#define MAX_OWN_ADDRESSES 256
#define STS_PORT 443
#define MAX_OPEN_ACCOUNTS 256

struct daemon {
	struct config config;
	struct listener *listeners[CONFIG_MAX_LISTENERS]; /* beside config.listeners; null once handed on */
	struct ground ground;
	struct checkpointer *checkpointer;
	struct tls_store *certificates;
	struct tls_client *tls_client;
	struct trace *trace;
	struct events *events;
	struct webhooks *webhooks;
	struct doctor *doctor;
	struct auth *auth;
	struct store *store;
	struct resolver *resolver;
	struct fetcher *fetcher; /* of the relay */
	struct relay *relay;
	struct queue *queue;
	struct service mx, lmtp, submission, local, imap, pop3;
	struct ports *ports;
	struct api_context api;
	struct webui *web;
	char services[256]; /* names of what listens */
	struct net_addr own[MAX_OWN_ADDRESSES];
	size_t own_count;
	int64_t stop_by_ms; /* monotonic; 0: not stopping */
};

static enum err open_listeners(struct daemon *d, struct note *why)
{
	for (size_t i = 0; i < d->config.listener_count; i++) {
		enum err e = listener_bind(&d->config.listeners[i].at, &d->listeners[i], why);

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static void close_listeners(struct daemon *d)
{
	for (size_t i = 0; i < d->config.listener_count; i++)
		listener_close(&d->listeners[i]);
}

/* What is left of the time to stop in, at most `share`. */
static int64_t stop_ms(const struct daemon *d, int64_t share)
{
	int64_t left = d->stop_by_ms - clock_mono_ms();

	return left <= 0 ? 0 : left < share ? left
					    : share;
}

/* ---- the parts, each with its start and its stop ---- */

static enum err start_tls(struct daemon *d, struct note *why)
{
	enum err e = tls_store_new(&d->certificates);

	if (e == ERR_OK)
		e = certificates_load(d->ground.directory, d->certificates, why);
	if (e == ERR_OK)
		e = tls_client_new(d->config.tls_ca_file, &d->tls_client, why);
	return e;
}

static void stop_tls(struct daemon *d)
{
	tls_client_free(&d->tls_client);
	tls_store_free(&d->certificates);
}

static enum err start_events(struct daemon *d, struct note *why)
{
	const struct trace_config t = { .path = config_path(&d->config, d->config.data_dir, "trace.db"), .directory = d->ground.directory, .checkpointer = d->checkpointer };
	struct events_config c = { .directory = d->ground.directory };
	enum err e = trace_open(&t, &d->trace, why);

	c.trace = d->trace;
	return e == ERR_OK ? events_new(&c, &d->events, why) : e;
}

static void stop_events(struct daemon *d)
{
	events_free(&d->events);
	trace_close(&d->trace);
}

static enum err start_webhooks(struct daemon *d, struct note *why)
{
	const struct webhooks_config c = { .directory = d->ground.directory, .events = d->events, .ca_file = d->config.tls_ca_file };

	return webhooks_new(&c, &d->webhooks, why);
}

static void stop_webhooks(struct daemon *d)
{
	webhooks_free(&d->webhooks);
}

static enum err start_doctor(struct daemon *d, struct note *why)
{
	const struct doctor_config c = { .directory = d->ground.directory, .store = d->store, .queue = d->queue, .events = d->events, .has_nights = true };

	return doctor_new(&c, &d->doctor, why);
}

static void stop_doctor(struct daemon *d)
{
	doctor_free(&d->doctor);
}

static enum err start_auth(struct daemon *d, struct note *why)
{
	const struct auth_config c = { .directory = d->ground.directory, .trusted = d->config.trusted, .trusted_count = d->config.trusted_count, .events = d->events };

	(void)why;
	return auth_new(&c, &d->auth);
}

static void stop_auth(struct daemon *d)
{
	auth_free(&d->auth);
}

static enum err start_store(struct daemon *d, struct note *why)
{
	const struct store_config c = { .accounts_dir = config_path(&d->config, d->config.data_dir, "accounts"), .checkpointer = d->checkpointer, .max_open = MAX_OPEN_ACCOUNTS, .search_index = true };

	return store_new(&c, &d->store, why);
}

static void stop_store(struct daemon *d)
{
	store_free(&d->store);
}

static enum err start_relay(struct daemon *d, struct note *why)
{
	const struct resolver_config names = { .mode = d->config.resolver, .trust_anchor = d->config.trust_anchor };
	struct relay_config c = {
		.port = d->config.relay_port,
		.own = d->own,
		.path = config_path(&d->config, d->config.data_dir, "relay.db"),
		.tls_ca_file = d->config.tls_ca_file,
		.sts_port = STS_PORT,
		.checkpointer = d->checkpointer,
	};
	enum err e = resolver_new(&names, &d->resolver, why);

	if (e == ERR_OK)
		e = fetcher_new(&d->fetcher);
	if (e != ERR_OK)
		return e;
	c.fetcher = d->fetcher;
	d->own_count = interfaces_list(d->own, MAX_OWN_ADDRESSES);
	c.resolver = d->resolver;
	c.tls = d->tls_client;
	c.own_count = d->own_count;
	return relay_new(&c, &d->relay, why);
}

/* Behind the cancel nobody begins to fetch; what is fetched ends before who waits for it goes. */
static void stop_relay(struct daemon *d)
{
	if (d->relay)
		relay_cancel(d->relay);
	probes_free(&d->api.probes);
	fetcher_free(&d->fetcher);
	relay_free(&d->relay);
	resolver_free(&d->resolver);
}

static enum err start_queue(struct daemon *d, struct note *why)
{
	const struct queue_config c = {
		.path = config_path(&d->config, d->config.data_dir, "queue.db"),
		.bodies_dir = config_path(&d->config, d->config.data_dir, "queue"),
		.directory = d->ground.directory,
		.store = d->store,
		.relay = d->relay,
		.events = d->events,
		.trace = d->trace,
		.checkpointer = d->checkpointer,
	};
	enum err e = queue_open(&c, &d->queue, why);

	return e == ERR_OK ? queue_start(d->queue, why) : e;
}

static void stop_queue(struct daemon *d)
{
	if (d->queue)
		queue_stop(d->queue, stop_ms(d, STOP_DEADLINE_MS));
	queue_close(&d->queue);
}

static enum err start_services(struct daemon *d, struct note *why)
{
	struct smtp_config smtp = { .profile = SMTP_MX, .directory = d->ground.directory, .auth = d->auth, .queue = d->queue, .events = d->events, .trace = d->trace, .data_dir = d->config.data_dir, .tls = true };
	const struct imap_config imap = { .directory = d->ground.directory, .auth = d->auth, .store = d->store, .events = d->events, .may_starttls = true };
	const struct pop3_config pop3 = { .auth = d->auth, .store = d->store, .may_starttls = true };
	enum err e = smtp_service_new(&smtp, &d->mx);

	(void)why;
	smtp.profile = SMTP_LMTP;
	if (e == ERR_OK)
		e = smtp_service_new(&smtp, &d->lmtp);
	smtp.profile = SMTP_SUBMISSION;
	if (e == ERR_OK)
		e = smtp_service_new(&smtp, &d->submission);
	smtp.profile = SMTP_LOCAL;
	smtp.tls = false;
	if (e == ERR_OK)
		e = smtp_service_new(&smtp, &d->local);
	if (e == ERR_OK)
		e = imap_service_new(&imap, &d->imap);
	return e == ERR_OK ? pop3_service_new(&pop3, &d->pop3) : e;
}

static int64_t left_ms(void *arg)
{
	return stop_ms(arg, STOP_DEADLINE_MS);
}

static enum err start_ports(struct daemon *d, struct note *why)
{
	const struct ports_config c = {
		.config = &d->config,
		.directory = d->ground.directory,
		.tls = d->certificates,
		.mx = &d->mx,
		.lmtp = &d->lmtp,
		.submission = &d->submission,
		.imap = &d->imap,
		.pop3 = &d->pop3,
		.local = &d->local,
		.local_path = config_path(&d->config, d->config.run_dir, "submit.sock"),
		.left_ms = left_ms,
		.arg = d,
	};

	return ports_open(&c, d->listeners, &d->ports, why);
}

static void stop_ports(struct daemon *d)
{
	ports_stop(d->ports);
}

/* A hash thread or a committer may still be answering a session that is gone: pools and services stay until auth and queue have stopped. */
static void free_sessions(struct daemon *d)
{
	ports_free(&d->ports);
	pop3_service_free(&d->pop3);
	imap_service_free(&d->imap);
	smtp_service_free(&d->local);
	smtp_service_free(&d->submission);
	smtp_service_free(&d->lmtp);
	smtp_service_free(&d->mx);
}

/* Submission asks at each MAIL. */
static void end_sessions(void *arg, uint64_t account_id, unsigned protocols)
{
	struct daemon *d = arg;

	if (protocols & AUTH_IMAP)
		imap_kick_account(&d->imap, account_id);
	if (protocols & AUTH_POP3)
		pop3_kick_account(&d->pop3, account_id);
	imap_grants_changed(&d->imap);
}

static void grants_changed(void *arg)
{
	struct daemon *d = arg;

	imap_grants_changed(&d->imap);
}

/* With `api` null the pages say that setup is to be done; our own handles of the ports are then kept for later. */
static enum err start_web_with(struct daemon *d, const struct api_context *api, struct note *why)
{
	struct listener *http[CONFIG_MAX_LISTENERS], *https[CONFIG_MAX_LISTENERS];
	struct webui_config c = { .http = http, .https = https, .tls = d->certificates, .trusted = d->config.trusted, .trusted_count = d->config.trusted_count, .proxies = d->config.proxies, .proxy_count = d->config.proxy_count, .api = api };
	enum err e = ERR_OK;

	for (size_t i = 0; i < d->config.listener_count && e == ERR_OK; i++) {
		enum listen_service s = d->config.listeners[i].service;
		struct listener *l = NULL;

		if (s != LISTEN_HTTP && s != LISTEN_HTTPS)
			continue;
		if (api) {
			l = d->listeners[i];
			d->listeners[i] = NULL;
		} else {
			e = listener_share(d->listeners[i], &l, why);
		}
		if (l && s == LISTEN_HTTP)
			http[c.http_count++] = l;
		else if (l)
			https[c.https_count++] = l;
	}
	c.admin_socket = config_path(&d->config, d->config.run_dir, "admin.sock");
	if (e == ERR_OK)
		return webui_start(&c, &d->web, why);
	while (c.http_count > 0)
		listener_close(&http[--c.http_count]);
	while (c.https_count > 0)
		listener_close(&https[--c.https_count]);
	return e;
}

/* "mx imap https": each service that listens, once. */
static void name_services(struct daemon *d)
{
	static const char *const names[] = {
		[LISTEN_MX] = "mx",
		[LISTEN_LMTP] = "lmtp",
		[LISTEN_SUBMISSION] = "submission",
		[LISTEN_SUBMISSIONS] = "submissions",
		[LISTEN_IMAP] = "imap",
		[LISTEN_IMAPS] = "imaps",
		[LISTEN_POP3] = "pop3",
		[LISTEN_POP3S] = "pop3s",
		[LISTEN_HTTP] = "http",
		[LISTEN_HTTPS] = "https",
	};
	bool seen[LISTEN_HTTPS + 1] = { false };
	size_t len = 0;

	for (size_t i = 0; i < d->config.listener_count; i++) {
		enum listen_service s = d->config.listeners[i].service;

		if (!seen[s])
			len += (size_t)snprintf(d->services + len, sizeof d->services - len, "%s%s", len ? " " : "", names[s]);
		seen[s] = true;
	}
}

static void reload_certificates(void *arg)
{
	struct daemon *d = arg;
	struct note why = { "" };

	if (certificates_load(d->ground.directory, d->certificates, &why) != ERR_OK)
		log_event(LOG_ERROR, "main", "certificates", "why=%s", log_quote(span_str(why.text)).text);
}

static enum err start_web(struct daemon *d, struct note *why)
{
	enum err e;

	name_services(d);
	d->api = (struct api_context){
		.directory = d->ground.directory,
		.auth = d->auth,
		.queue = d->queue,
		.relay = d->relay,
		.store = d->store,
		.events = d->events,
		.trace = d->trace,
		.webhooks = d->webhooks,
		.doctor = d->doctor,
		.started_ms = clock_real_ms(),
		.services = d->services,
		.spool_dir = d->config.data_dir,
		.end_sessions = end_sessions,
		.reload_certificates = reload_certificates,
		.grants_changed = grants_changed,
		.arg = d,
	};
	e = jobs_start(&d->api, &d->api.jobs, why);
	if (e == ERR_OK)
		e = probes_new(d->ground.directory, d->relay, &d->api.probes, why);
	return e == ERR_OK ? start_web_with(d, &d->api, why) : e;
}

static void stop_web(struct daemon *d)
{
	probes_stop(d->api.probes);
	doctor_stop(d->doctor); /* the job of a check then ends its step */
	webui_stop(&d->web, stop_ms(d, STOP_WEB_MS));
	jobs_stop(&d->api.jobs);
}

static enum err start_nothing(struct daemon *d, struct note *why)
{
	(void)d;
	(void)why;
	return ERR_OK;
}

static void stop_nothing(struct daemon *d)
{
	(void)d;
}

static const struct part {
	const char *name;
	enum err (*start)(struct daemon *d, struct note *why);
	void (*stop)(struct daemon *d); /* also after a start that failed half way */
} parts[] = {
	{ "tls", start_tls, stop_tls },
	{ "sessions", start_nothing, free_sessions },
	{ "events", start_events, stop_events },
	{ "auth", start_auth, stop_auth },
	{ "store", start_store, stop_store },
	{ "relay", start_relay, stop_relay },
	{ "queue", start_queue, stop_queue },
	{ "services", start_services, stop_nothing },
	{ "webhooks", start_webhooks, stop_webhooks },
	{ "doctor", start_doctor, stop_doctor },
	{ "web", start_web, stop_web },
	{ "ports", start_ports, stop_ports }, /* last: a mail port that answers means that all is up */
};
#define PART_COUNT (sizeof parts / sizeof parts[0])

/* ---- running ---- */

static int fail(int status, const struct note *why)
{
	fprintf(stderr, "postroom: %s\n", why->text[0] ? why->text : "out of memory or threads");
	return status;
}

static void reload(struct daemon *d)
{
	struct note why = { "" };
	enum err e = directory_refresh(d->ground.directory, &why);

	auth_forget(d->auth, 0);
	if (e == ERR_OK)
		e = certificates_load(d->ground.directory, d->certificates, &why);
	log_event(e == ERR_OK ? LOG_INFO : LOG_ERROR, "main", "reload", "result=%s why=%s", err_name(e), log_quote(span_str(why.text)).text);
}

static void wait_for_stop(struct daemon *d, const sigset_t *signals)
{
	const struct timespec turn = { .tv_sec = TEND_EVERY_S };
	unsigned turns = 0;
	int got;

	while ((got = sigtimedwait(signals, NULL, &turn)) == SIGHUP || (got < 0 && (errno == EINTR || errno == EAGAIN))) {
		if (got == SIGHUP) {
			reload(d);
			continue;
		}
		if (store_tend(d->store) > 0)
			malloc_trim(0); /* the heaps of many threads would keep what a rush of work has freed */
		if (++turns % TURNS_A_MINUTE == 0)
			auth_tend(d->auth);
	}
	log_event(LOG_INFO, "main", "stopping", "signal=%d", got);
}

static int run_mail(struct daemon *d, const sigset_t *signals)
{
	struct note why = { "" };
	size_t started = 0;
	enum err e = ERR_OK;

	while (started < PART_COUNT && e == ERR_OK)
		e = parts[started++].start(d, &why);
	if (e == ERR_OK) {
		log_event(LOG_INFO, "main", "ready", "version=%s listeners=%zu", POSTROOM_VERSION, d->config.listener_count);
		service_manager_notify("READY=1\nSTATUS=running");
		events_raise(d->events, &(struct event){ .type = EVENT_DAEMON_STARTED, .subject = SPAN(POSTROOM_VERSION) });
		wait_for_stop(d, signals);
		events_raise(d->events, &(struct event){ .type = EVENT_DAEMON_STOPPING, .subject = SPAN(POSTROOM_VERSION) });
		service_manager_notify("STOPPING=1");
	} else {
		fprintf(stderr, "postroom: starting %s: %s\n", parts[started - 1].name, why.text[0] ? why.text : err_name(e));
	}
	d->stop_by_ms = clock_mono_ms() + STOP_DEADLINE_MS;
	while (started > 0)
		parts[--started].stop(d);
	return e == ERR_OK ? EX_OK : EX_OSERR;
}

/* A certificate for the page that says what is to be done; never kept. */
static enum err passing_certificate(struct tls_store *store, struct note *why)
{
	const char *name = "localhost";
	struct buf chain, key;
	struct tls_identity identity;
	enum err e;

	buf_init(&chain, 65536);
	buf_init(&key, 65536);
	e = x509_self_signed(&name, 1, 30, &chain, &key, why);
	identity = (struct tls_identity){ buf_span(&chain), buf_span(&key) };
	if (e == ERR_OK)
		e = tls_store_set(store, &identity, 1, why);
	buf_wipe(&key);
	buf_clear(&chain);
	return e;
}

/* ERR_OK: the ground is open and set up. ERR_NOT_FOUND: setup is still to be done. */
static enum err open_ground(struct daemon *d, struct note *why)
{
	const struct snapshot *s;
	enum err e = ground_open(&d->config, false, d->checkpointer, &d->ground, why);

	if (e != ERR_OK)
		return e;
	s = directory_hold(d->ground.directory);
	if (!snapshot_is_set_up(s))
		e = ERR_NOT_FOUND;
	snapshot_release(&s);
	if (e != ERR_OK)
		ground_close(&d->ground);
	return e;
}

/* True when setup was done meanwhile: the ground is then open. False: a signal said stop. */
static bool wait_for_setup(struct daemon *d, const sigset_t *signals)
{
	const struct timespec turn = { .tv_sec = SETUP_POLL_S };
	enum err last = ERR_NOT_FOUND;

	for (;;) {
		int got = sigtimedwait(signals, NULL, &turn);
		struct note why = { "" };
		struct stat key;
		enum err e = ERR_NOT_FOUND;

		if (got > 0 && got != SIGHUP)
			return false;
		/* The key is the first thing that setup makes; until then there is nothing to open. */
		if (stat(d->config.secret_key, &key) == 0)
			e = open_ground(d, &why);
		if (e == ERR_OK)
			return true;
		if (e != last && e != ERR_NOT_FOUND && e != ERR_STATE) /* ERR_STATE: setup is at it */
			log_event(LOG_ERROR, "main", "not_usable", "result=%s why=%s", err_name(e), log_quote(span_str(why.text)).text);
		last = e;
	}
}

/* *set_up_out: the ground is open now, and run_mail() is next. The mail ports are ours and deaf meanwhile: later, without root,
 * low ports could not be taken again. */
static int run_unset(struct daemon *d, const sigset_t *signals, bool *set_up_out)
{
	struct note why = { "" };
	enum err e = ground_drop_privileges(&d->config, &why);

	if (e == ERR_OK)
		e = tls_store_new(&d->certificates);
	if (e == ERR_OK)
		e = passing_certificate(d->certificates, &why);
	if (e == ERR_OK)
		e = start_web_with(d, NULL, &why);
	if (e == ERR_OK) {
		log_event(LOG_WARN, "main", "not_set_up", "mail ports stay closed until this is run: postroom setup --config %s ...", d->config.path);
		service_manager_notify("READY=1\nSTATUS=not set up yet: run postroom setup");
		*set_up_out = wait_for_setup(d, signals);
	}
	d->stop_by_ms = clock_mono_ms() + STOP_DEADLINE_MS;
	stop_web(d);
	tls_store_free(&d->certificates);
	return e == ERR_OK ? EX_OK : fail(EX_OSERR, &why);
}

static int run(struct daemon *d, const sigset_t *signals)
{
	struct note why = { "" };
	bool set_up = true;
	int status = EX_OK;
	enum err e = ground_prepare(&d->config, &why);

	if (e != ERR_OK)
		return fail(EX_CANTCREAT, &why);
	e = open_ground(d, &why);
	if (e == ERR_NOT_FOUND) {
		set_up = false;
		status = run_unset(d, signals, &set_up);
	} else if (e != ERR_OK) {
		return fail(process_exit_status(e), &why);
	}
	if (!set_up)
		return status;
	if (status == EX_OK)
		status = run_mail(d, signals);
	ground_close(&d->ground);
	return status;
}

static int serve(const char *config_path_text)
{
	struct daemon *d = calloc(1, sizeof *d);
	struct note why = { "" };
	sigset_t signals;
	int status;

	if (!d)
		return EX_OSERR;
	process_prepare(&signals);
	if (config_read(config_path_text, &d->config, &why) != ERR_OK) {
		free(d);
		return fail(EX_CONFIG, &why);
	}
	log_set_level(d->config.log_level);
	tls_init();
	if (config_check_files(&d->config, &why) != ERR_OK || open_listeners(d, &why) != ERR_OK)
		status = fail(EX_CONFIG, &why);
	else if (api_init(&why) != ERR_OK)
		status = fail(EX_SOFTWARE, &why);
	else if (db_init() != ERR_OK || fetch_init() != ERR_OK || checkpointer_new(&d->checkpointer) != ERR_OK)
		status = fail(EX_OSERR, &why);
	else
		status = run(d, &signals);
	checkpointer_free(&d->checkpointer);
	close_listeners(d);
	config_clear(&d->config);
	free(d);
	return status;
}

int main(int argc, char **argv)
{
	api_init_memory();
	return cli_run(argc, argv, serve);
}
