/* relay/sts.c: see sts.h.
 *
 *   UNKNOWN --TXT with an id--> FETCHING --policy--> HELD --id differs, a day passed--> FETCHING
 *                                  |                   |
 *                                  +--failed: what was held goes on, or nothing is; not again for STS_AGAIN_MS
 *                                                      +--expires--> UNKNOWN, whatever became of the TXT record
 *
 * (1) A policy ends by its time alone: a record or a host that vanished changes nothing before (RFC 8461 3.1).
 * (2) An entry that is fetched for stays in memory; so does one that is not written yet, while there is room.
 */
#include "daemon/relay/sts.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/wait.h"
#include "daemon/net/fetch.h"
#include "daemon/net/resolver.h"
#include "daemon/net/stream.h"
#include "daemon/relay/limits.h"
#include "db/relay_sts.h"

#define BUCKETS 4096u
#define TXT_MAX 4096
#define RECORDS_MAX 64 /* TXT records that are looked at */
#define HTTPS_PORT 443
#define CANCEL_SEEN_MS 200
#define REFRESHES_A_TURN 100

struct entry {
	struct entry *next;          /* of its bucket */
	struct entry *newer, *older; /* by use */
	bool held;                   /* there is a policy */
	bool fetching, dirty;        /* dirty: not in relay.db as it is here */
	char id[STS_ID_MAX + 1];     /* of the policy */
	char wanted[STS_ID_MAX + 1]; /* that is fetched, or was last */
	enum sts_mode mode;
	char *mx; /* patterns, lines */
	int64_t fetched_ms, expires_ms, failed_ms;
	struct sts_trouble trouble; /* of the last fetch */
	size_t bytes;
	char domain[DNS_MAX_NAME]; /* lower case */
};

struct sts {
	const struct relay_config *config;
	struct ledger *ledger;
	pthread_mutex_t lock; /* guards all below, and the entries */
	pthread_cond_t changed;
	bool cancelled;
	struct entry *buckets[BUCKETS];
	struct entry use; /* head of the ring: newer is the oldest */
	size_t count, bytes;
};

/* ---- entries; with the lock held ---- */

static struct entry **bucket(struct sts *s, struct span domain)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < domain.len; i++)
		h = (h ^ (uint8_t)ascii_lower(domain.ptr[i])) * 1099511628211u;
	return &s->buckets[(h ^ (h >> 32)) % BUCKETS];
}

static struct entry *find_entry(struct sts *s, struct span domain)
{
	struct entry *e = *bucket(s, domain);

	while (e && !span_iequals(span_str(e->domain), domain))
		e = e->next;
	return e;
}

static void unlink_use(struct entry *e)
{
	e->newer->older = e->older;
	e->older->newer = e->newer;
}

static void used_now(struct sts *s, struct entry *e)
{
	e->older = s->use.older;
	e->newer = &s->use;
	s->use.older->newer = e;
	s->use.older = e;
}

static void drop_entry(struct sts *s, struct entry *e)
{
	struct entry **link = bucket(s, span_str(e->domain));

	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	unlink_use(e);
	s->count--;
	s->bytes -= e->bytes;
	free(e->mx);
	free(e);
}

/* The longest unused go; relay.db forgets them when their time is over. What can't be written for long doesn't pile up for that. */
static void make_room(struct sts *s)
{
	struct entry *e = s->use.newer, *next;

	for (; e != &s->use && (s->count > STS_POLICIES_MAX || s->bytes > STS_BYTES_MAX); e = next) {
		next = e->newer;
		if (!e->fetching && (!e->dirty || s->count > 2 * STS_POLICIES_MAX))
			drop_entry(s, e);
	}
}

static struct entry *add_entry(struct sts *s, struct span domain)
{
	struct entry **link = bucket(s, domain), *e = domain.len < DNS_MAX_NAME ? calloc(1, sizeof(*e)) : NULL;

	if (!e)
		return NULL;
	for (size_t i = 0; i < domain.len; i++)
		e->domain[i] = ascii_lower(domain.ptr[i]);
	e->bytes = sizeof(*e);
	e->next = *link;
	*link = e;
	used_now(s, e);
	s->count++;
	s->bytes += e->bytes;
	return e;
}

/* False: no memory, and what was held stays. */
static bool set_mx(struct sts *s, struct entry *e, struct span mx)
{
	char *copy = malloc(mx.len + 1);
	size_t before = e->mx ? strlen(e->mx) : 0;

	if (!copy)
		return false;
	if (mx.len > 0)
		memcpy(copy, mx.ptr, mx.len);
	copy[mx.len] = '\0';
	free(e->mx);
	e->mx = copy;
	e->bytes += mx.len - before;
	s->bytes += mx.len - before;
	return true;
}

static bool holds(const struct entry *e, int64_t now_ms)
{
	return e->held && e->expires_ms > now_ms;
}

/* ---- fetching ---- */

struct fetched {
	struct sts *sts;
	char domain[DNS_MAX_NAME];
};

static void set_trouble(struct sts_trouble *t, const char *result_type, const char *reason)
{
	t->result_type = result_type;
	(void)memccpy(t->reason, reason, '\0', sizeof(t->reason) - 1);
	t->reason[sizeof(t->reason) - 1] = '\0';
}

/* RFC 8461 3.2, 3.3: text/plain, so that what users put on a web server is no policy; 200 alone, so that nobody is sent elsewhere. */
static bool is_plain_text(struct span type)
{
	struct span kind;

	return span_split(&type, ';', &kind) && span_iequals(span_trim(kind), SPAN("text/plain"));
}

static bool read_result(const struct fetch_result *r, struct sts_parsed *out, struct sts_trouble *trouble)
{
	struct note why = { "" };

	*out = (struct sts_parsed){ .mode = STS_NONE };
	if (r->err != ERR_OK) {
		set_trouble(trouble, r->untrusted ? "sts-webpki-invalid" : "sts-policy-fetch-error", r->why.text);
		return false;
	}
	if (r->status != 200) {
		note_set(&why, "HTTP status %d", r->status);
		set_trouble(trouble, "sts-policy-fetch-error", why.text);
		return false;
	}
	if (!is_plain_text(r->content_type)) {
		set_trouble(trouble, "sts-policy-invalid", "not of the type text/plain");
		return false;
	}
	if (sts_parse_policy(r->body, out, &why) == ERR_OK)
		return true;
	set_trouble(trouble, "sts-policy-invalid", why.text);
	return false;
}

/* One that ends at once would be asked for by each message, and hold for none. */
static int64_t held_ms(const struct sts_parsed *p)
{
	int64_t age_ms = p->max_age_s * 1000;

	return age_ms < STS_AGAIN_MS ? STS_AGAIN_MS : age_ms;
}

static void take_policy(struct sts *s, struct entry *e, const struct sts_parsed *p)
{
	int64_t now_ms = clock_real_ms();

	e->trouble.result_type = NULL;
	if (!set_mx(s, e, buf_span(&p->mx))) {
		set_trouble(&e->trouble, "sts-policy-fetch-error", "no memory");
		return;
	}
	e->held = true;
	e->failed_ms = 0;
	e->mode = p->mode;
	e->fetched_ms = now_ms;
	e->expires_ms = now_ms + held_ms(p);
	memcpy(e->id, e->wanted, sizeof(e->id));
}

/* On the fetcher's thread. */
static void on_fetched(void *arg, const struct fetch_result *result)
{
	struct fetched *f = arg;
	struct sts *s = f->sts;
	struct sts_trouble trouble = { 0 };
	struct sts_parsed parsed;
	bool good = read_result(result, &parsed, &trouble);
	struct entry *e;

	if (!good && result->err != ERR_STATE)
		log_event(LOG_WARN, "relay", "sts_not_fetched", "domain=%s result=%s reason=%s", log_quote(span_str(f->domain)).text, trouble.result_type, log_quote(span_str(trouble.reason)).text);
	pthread_mutex_lock(&s->lock);
	e = find_entry(s, span_str(f->domain)); /* it stayed: invariant (2) */
	if (good) {
		take_policy(s, e, &parsed);
	} else {
		e->trouble = trouble;
		e->failed_ms = clock_real_ms();
	}
	e->fetching = false;
	e->dirty = e->held;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	buf_clear(&parsed.mx);
	free(f);
	ledger_nudge(s->ledger);
}

/* The certificate is verified before anything is asked; what is ours is no policy host. */
static bool may_connect(void *arg, const struct net_addr *addr)
{
	const struct sts *s = arg;

	if (net_is_loopback(addr))
		return false;
	for (size_t i = 0; i < s->config->own_count; i++)
		if (net_ip_equals(&s->config->own[i], addr))
			return false;
	return true;
}

/* With the lock held, which is why nobody frees the fetcher meanwhile: sts_cancel() has to wait. */
static void begin_fetch(struct sts *s, struct entry *e, const char *id)
{
	struct fetched *f = calloc(1, sizeof(*f));
	struct fetch_request request = { .timeout_ms = STS_FETCH_MS, .answer_max = STS_POLICY_MAX + 1, .ca_file = s->config->tls_ca_file, .may_connect = may_connect, .arg = s };
	struct note why = { "" };
	struct buf url;
	enum err err;

	if (!f)
		return;
	f->sts = s;
	memcpy(f->domain, e->domain, strlen(e->domain) + 1);
	buf_init(&url, 512);
	buf_addf(&url, "https://mta-sts.%s", e->domain);
	if (s->config->sts_port != HTTPS_PORT && s->config->sts_port != 0)
		buf_addf(&url, ":%u", (unsigned)s->config->sts_port);
	buf_add(&url, SPAN("/.well-known/mta-sts.txt"));
	request.url = buf_span(&url);
	memcpy(e->wanted, id, strlen(id) + 1);
	e->fetching = true;
	err = url.failed ? ERR_LIMIT : fetch_begin(s->config->fetcher, &request, on_fetched, f, &why);
	buf_clear(&url);
	if (err == ERR_OK)
		return;
	set_trouble(&e->trouble, "sts-policy-fetch-error", why.text[0] ? why.text : err_name(err));
	e->failed_ms = clock_real_ms();
	e->fetching = false;
	free(f);
}

static bool may_fetch(const struct sts *s, const struct entry *e, int64_t now_ms)
{
	/* A clock that was set back must not forbid it for long. */
	return s->config->fetcher && !s->cancelled && !e->fetching && (now_ms - e->failed_ms >= STS_AGAIN_MS || now_ms < e->failed_ms);
}

/* ---- the TXT record ---- */

/* The id of the one record that there is (RFC 8461 3.1); false: none. */
static bool read_records(const struct dns_answer *answer, char id[STS_ID_MAX + 1])
{
	struct span found;
	struct buf text;
	size_t count = 0;
	enum err e = ERR_OK;

	buf_init(&text, TXT_MAX);
	for (size_t i = 0; i < answer->count && i < RECORDS_MAX; i++) {
		enum err this;

		buf_reset(&text);
		if (dns_read_txt(answer->records[i], &text) != ERR_OK)
			continue;
		this = sts_parse_record(buf_span(&text), &found);
		if (this == ERR_NOT_FOUND)
			continue;
		count++;
		e = this;
		if (this == ERR_OK) {
			memcpy(id, found.ptr, found.len);
			id[found.len] = '\0';
		}
	}
	buf_clear(&text);
	return count == 1 && e == ERR_OK;
}

static bool ask_id(struct sts *s, struct span domain, char id[STS_ID_MAX + 1])
{
	struct dns_answer *answer;
	char name[DNS_MAX_NAME] = "_mta-sts.";
	size_t len = strlen(name);
	bool found = false;

	if (domain.len == 0 || domain.len + len >= sizeof(name))
		return false;
	memcpy(name + len, domain.ptr, domain.len);
	answer = resolver_ask_wait(s->config->resolver, name, DNS_TXT, RELAY_DNS_MS);
	if (answer->status == DNS_FOUND)
		found = read_records(answer, id);
	dns_answer_free(&answer);
	return found;
}

/* ---- from outside ---- */

/* With the lock held, which is given up meanwhile; the entry stays while it is fetched for, and is looked up again. */
static struct entry *await_fetch(struct sts *s, struct span domain)
{
	int64_t until_ms = clock_mono_ms() + STS_FETCH_MS;
	struct entry *e = find_entry(s, domain);

	while (e && e->fetching && !s->cancelled && clock_mono_ms() < until_ms && !stream_thread_is_cancelled()) {
		(void)wait_for(&s->changed, &s->lock, CANCEL_SEEN_MS);
		e = find_entry(s, domain);
	}
	return e;
}

static bool give_policy(const struct entry *e, struct arena *a, struct sts_policy *out)
{
	static const char *const modes[] = { [STS_NONE] = "none", [STS_TESTING] = "testing", [STS_ENFORCE] = "enforce" };

	out->mode = e->mode;
	out->mx = arena_copy(a, span_str(e->mx));
	out->text = arena_printf(a, "version: STSv1\nmode: %s\nmax_age: %lld", modes[e->mode], (long long)((e->expires_ms - e->fetched_ms) / 1000));
	return e->mode != STS_NONE && out->mx.ptr && out->text.ptr;
}

/* There is a policy with that id: what is held is as good as it, or it is fetched. With the lock held, as await_fetch(). */
static struct entry *follow_record(struct sts *s, struct span domain, const char *id)
{
	int64_t now_ms = clock_real_ms();
	struct entry *e = find_entry(s, domain);
	bool must_wait;

	if (!e)
		e = add_entry(s, domain);
	if (!e)
		return NULL;
	must_wait = !holds(e, now_ms) || strcmp(e->id, id) != 0;
	if ((must_wait || now_ms - e->fetched_ms >= STS_REFRESH_MS) && may_fetch(s, e, now_ms))
		begin_fetch(s, e, id);
	return must_wait ? await_fetch(s, domain) : e;
}

bool sts_find(struct sts *s, struct span domain, struct arena *a, struct sts_policy *out, struct sts_trouble *trouble_out)
{
	char id[STS_ID_MAX + 1] = "";
	bool announced = ask_id(s, domain, id), found = false;
	struct entry *e;

	trouble_out->result_type = NULL;
	pthread_mutex_lock(&s->lock);
	e = announced ? follow_record(s, domain, id) : find_entry(s, domain);
	if (e) {
		if (announced && !e->fetching)
			*trouble_out = e->trouble;
		found = holds(e, clock_real_ms()) && give_policy(e, a, out);
		unlink_use(e);
		used_now(s, e);
	}
	make_room(s);
	pthread_mutex_unlock(&s->lock);
	return found;
}

void sts_cancel(struct sts *s)
{
	pthread_mutex_lock(&s->lock);
	s->cancelled = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* ---- relay.db ---- */

static void load_one(void *arg, const struct db_relay_sts *row)
{
	struct sts *s = arg;
	struct entry *e;

	/* Nothing but what we wrote ourselves; a file that says otherwise is not believed. */
	if (row->domain.len == 0 || row->domain.len >= DNS_MAX_NAME || row->id.len > STS_ID_MAX || row->mode < STS_NONE || row->mode > STS_ENFORCE || row->mx.len > STS_PATTERNS_BYTES ||
	    row->expires_ms - row->fetched_ms > (int64_t)STS_MAX_AGE_MAX_S * 1000 || memchr(row->domain.ptr, '\0', row->domain.len) || s->bytes > STS_BYTES_MAX)
		return;
	e = add_entry(s, row->domain);
	if (!e || !set_mx(s, e, row->mx))
		return;
	if (row->id.len > 0)
		memcpy(e->id, row->id.ptr, row->id.len);
	memcpy(e->wanted, e->id, sizeof(e->wanted));
	e->mode = (enum sts_mode)row->mode;
	e->fetched_ms = row->fetched_ms;
	e->expires_ms = row->expires_ms;
	e->failed_ms = row->failed_ms;
	e->held = true;
}

static enum err load_all(struct db *db, void *arg)
{
	return db_relay_sts_each(db, clock_real_ms(), STS_POLICIES_MAX, load_one, arg);
}

enum err sts_new(const struct relay_config *config, struct ledger *ledger, struct sts **out)
{
	struct sts *s = calloc(1, sizeof(*s));
	enum err e;

	if (!s)
		return ERR_TEMP;
	s->config = config;
	s->ledger = ledger;
	s->use.newer = s->use.older = &s->use;
	e = wait_init(&s->changed);
	if (e != ERR_OK) {
		free(s);
		return e;
	}
	pthread_mutex_init(&s->lock, NULL);
	e = ledger_run(ledger, load_all, s, 0);
	if (e != ERR_OK && e != ERR_STATE) /* they are fetched again */
		log_event(LOG_WARN, "relay", "sts_not_loaded", "error=%s", err_name(e));
	*out = s;
	return ERR_OK;
}

void sts_free(struct sts **sts)
{
	struct sts *s = *sts;

	*sts = NULL;
	if (!s)
		return;
	while (s->use.newer != &s->use)
		drop_entry(s, s->use.newer);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* One entry as it is to be written; its texts are its own. */
struct copied {
	struct db_relay_sts row;
	struct arena arena;
	bool found;
};

static void copy_dirty(struct sts *s, struct copied *c)
{
	c->found = false;
	pthread_mutex_lock(&s->lock);
	for (struct entry *e = s->use.older; e != &s->use && !c->found; e = e->older) {
		if (!e->dirty)
			continue;
		e->dirty = false;
		c->found = true;
		c->row = (struct db_relay_sts){
			.domain = arena_copy(&c->arena, span_str(e->domain)),
			.id = arena_copy(&c->arena, span_str(e->id)),
			.mode = (int)e->mode,
			.mx = arena_copy(&c->arena, span_str(e->mx)),
			.fetched_ms = e->fetched_ms,
			.expires_ms = e->expires_ms,
			.failed_ms = e->failed_ms,
		};
	}
	pthread_mutex_unlock(&s->lock);
}

/* The next turn writes it. */
static void mark_dirty(struct sts *s, struct span domain)
{
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	e = find_entry(s, domain);
	if (e)
		e->dirty = true;
	pthread_mutex_unlock(&s->lock);
}

static enum err write_one(struct db *db, void *arg)
{
	struct copied *c = arg;

	return c->arena.failed ? ERR_LIMIT : db_relay_sts_put(db, &c->row);
}

static enum err trim(struct db *db, void *arg)
{
	(void)arg;
	return db_relay_sts_trim(db, clock_real_ms());
}

struct ending {
	char domain[DNS_MAX_NAME];
};

static size_t list_ending(struct sts *s, struct ending out[REFRESHES_A_TURN])
{
	int64_t now_ms = clock_real_ms();
	size_t count = 0;

	pthread_mutex_lock(&s->lock);
	for (struct entry *e = s->use.older; e != &s->use && count < REFRESHES_A_TURN; e = e->older) {
		if (holds(e, now_ms) && e->expires_ms - now_ms <= STS_REFRESH_MS && now_ms - e->fetched_ms >= STS_REFRESH_MS / 2 && may_fetch(s, e, now_ms))
			memcpy(out[count++].domain, e->domain, strlen(e->domain) + 1);
	}
	pthread_mutex_unlock(&s->lock);
	return count;
}

/* RFC 8461 10.2: a policy that ends unseen would let an attacker in who keeps us from the next one. One whose record is gone ends. */
static void refresh(struct sts *s)
{
	struct ending *ending = calloc(REFRESHES_A_TURN, sizeof(*ending));
	size_t count = ending ? list_ending(s, ending) : 0;

	for (size_t i = 0; i < count && !stream_thread_is_cancelled(); i++) {
		struct span domain = span_str(ending[i].domain);
		char id[STS_ID_MAX + 1] = "";
		struct entry *e;

		if (!ask_id(s, domain, id))
			continue;
		pthread_mutex_lock(&s->lock);
		e = find_entry(s, domain);
		if (e && may_fetch(s, e, clock_real_ms()))
			begin_fetch(s, e, id);
		pthread_mutex_unlock(&s->lock);
	}
	free(ending);
}

void sts_turn(struct sts *s)
{
	struct copied c;
	enum err e = ERR_OK;

	do {
		arena_init(&c.arena, 65536);
		copy_dirty(s, &c);
		if (c.found)
			e = ledger_run(s->ledger, write_one, &c, c.row.mx.len + 256);
		if (e != ERR_OK && e != ERR_STATE)
			mark_dirty(s, c.row.domain);
		arena_clear(&c.arena);
	} while (c.found && e == ERR_OK);
	if (e == ERR_OK)
		e = ledger_run(s->ledger, trim, NULL, 0);
	if (e != ERR_OK && e != ERR_STATE)
		log_event(LOG_WARN, "relay", "sts_not_written", "error=%s", err_name(e));
	refresh(s);
}
