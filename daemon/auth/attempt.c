/* auth/attempt.c: counting attempts, and telling of them. Who is hit by what, and why, is in throttle.h. */
#include "daemon/auth/attempt.h"

#include <stdio.h>

#include "daemon/auth/inside.h"
#include "daemon/base/counter.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/name.h"
#include "daemon/directory/setting.h"
#include "daemon/events/events.h"
#include "db/control_lockout.h"

#define GATE_MS 10000
#define MINUTE_MS ((int64_t)60 * 1000)

/* ---- who tries ---- */

static void begin(struct auth *a, enum auth_protocol protocol, const struct net_addr *peer, struct attempt *out)
{
	*out = (struct attempt){ .protocol = protocol, .local = !peer || peer->family == NET_UNIX || peer->family == NET_NONE };
	if (peer)
		out->peer = *peer;
	out->trusted = out->local || net_cidrs_have(a->trusted, a->trusted_count, peer);
}

static void set_name(struct attempt *t, struct span name)
{
	name = span_take(name, sizeof(t->name) - 1);
	while (name.len > 0 && !span_is_utf8(name))
		name.len--;
	if (name.len > 0)
		memcpy(t->name, name.ptr, name.len);
}

static void set_account(struct attempt *t, const struct account *account)
{
	t->account_id = account->id;
	t->who = throttle_account(account->id);
	set_name(t, account->address);
}

void attempt_begin(struct auth *a, enum auth_protocol protocol, struct span login, const struct net_addr *peer, struct attempt *out)
{
	const struct snapshot *s = directory_hold(a->directory);
	const struct account *account = snapshot_account_by_login(s, login);
	struct name_key key;

	begin(a, protocol, peer, out);
	if (account) {
		set_account(out, account);
	} else {
		name_key_of_login(login, &key);
		out->who = throttle_name(&a->throttle, span_make(key.bytes, key.len));
		set_name(out, login);
	}
	snapshot_release(&s);
}

void attempt_begin_account(struct auth *a, enum auth_protocol protocol, uint64_t account_id, const struct net_addr *peer, struct attempt *out)
{
	const struct snapshot *s = directory_hold(a->directory);
	const struct account *account = snapshot_account(s, account_id);

	begin(a, protocol, peer, out);
	if (account)
		set_account(out, account);
	else if (account_id)
		out->who = throttle_account(account_id);
	snapshot_release(&s);
}

/* ---- what is counted of it ---- */

struct limits {
	unsigned failures;
	int64_t refusal_ms;
};

static struct limits limits_now(struct auth *a)
{
	const struct snapshot *s = directory_hold(a->directory);
	struct limits l = { (unsigned)snapshot_number(s, SETTING_LOGIN_FAILURES_MAX), snapshot_number(s, SETTING_LOGIN_REFUSAL_MINUTES) * MINUTE_MS };

	snapshot_release(&s);
	return l;
}

/* Where nobody was named (a token), the network alone. */
static struct throttle_subject pair_of(const struct attempt *t)
{
	if (t->who.kind == THROTTLE_NOBODY)
		return throttle_narrow(&t->peer);
	return throttle_pair(&t->who, t->trusted ? NULL : &t->peer);
}

static bool is_known(struct auth *a, const struct attempt *t)
{
	return !t->trusted && recent_knows_device(a, t->account_id, &t->peer);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

bool attempt_is_refused(struct auth *a, const struct attempt *t, int64_t *retry_after_ms_out)
{
	const struct throttle_subject pair = pair_of(t), narrow = throttle_narrow(&t->peer), wide = throttle_wide(&t->peer);
	const int64_t now_ms = clock_mono_ms();
	int64_t own = 0, others = 0;

	*retry_after_ms_out = 0;
	if (t->local)
		return false;
	pthread_mutex_lock(&a->throttle_lock);
	own = throttle_refused_until(&a->throttle, &pair, now_ms);
	if (!t->trusted) {
		others = t->who.kind ? throttle_refused_until(&a->throttle, &t->who, now_ms) : 0;
		others = later(others, throttle_refused_until(&a->throttle, &narrow, now_ms));
		others = later(others, throttle_refused_until(&a->throttle, &wide, now_ms));
	}
	pthread_mutex_unlock(&a->throttle_lock);
	if (others && !is_known(a, t))
		own = later(own, others);
	*retry_after_ms_out = own ? own - now_ms : 0;
	return own != 0;
}

bool attempt_was_wrong(struct auth *a, const struct attempt *t, uint64_t tried)
{
	const struct throttle_subject pair = pair_of(t);
	bool was;

	if (t->local)
		return false;
	pthread_mutex_lock(&a->throttle_lock);
	was = throttle_has_tried(&a->throttle, &pair, tried);
	pthread_mutex_unlock(&a->throttle_lock);
	return was;
}

/* ---- telling ---- */

/* One event of an account (or name) and wide network in GATE_MS. */
static bool gate_opens(struct auth *a, const struct attempt *t, enum event_type type)
{
	const struct throttle_subject pair = throttle_pair(&t->who, t->local ? NULL : &t->peer);
	uint64_t number = throttle_number(&a->throttle, &pair) + (uint64_t)type;
	const int64_t now_ms = clock_mono_ms();
	struct auth_gate *gate = &a->gates[number % AUTH_GATES];
	bool opens;

	pthread_mutex_lock(&a->throttle_lock);
	opens = gate->number != number || now_ms - gate->at_ms >= GATE_MS;
	if (opens)
		*gate = (struct auth_gate){ number, now_ms };
	pthread_mutex_unlock(&a->throttle_lock);
	return opens;
}

static struct span protocol_name(enum auth_protocol protocol)
{
	switch (protocol) {
	case AUTH_IMAP: return SPAN("imap");
	case AUTH_POP3: return SPAN("pop3");
	case AUTH_SMTP: return SPAN("smtp");
	case AUTH_WEB: return SPAN("web");
	}
	return SPAN("");
}

static struct span domain_of(const struct attempt *t)
{
	const char *at = t->account_id ? strrchr(t->name, '@') : NULL;

	return at ? span_str(at + 1) : SPAN("");
}

void attempt_tell(struct auth *a, const struct attempt *t, enum event_type type)
{
	const struct net_addr_text peer = net_ip_text(&t->peer);
	const struct event event = {
		.type = type,
		.subject = span_str(t->name),
		.domain = domain_of(t),
		.fields = { { "protocol", protocol_name(t->protocol) }, { "peer", t->local ? SPAN("local") : span_str(peer.text) } },
		.field_count = 2,
	};

	if (a->events && gate_opens(a, t, type))
		events_raise(a->events, &event);
}

static enum err write_lockout(struct db *db, void *arg)
{
	return db_lockout_put(db, arg);
}

/* A refusal begins: durable, so that a restart does not end it. Names that are none of ours have no row: they would only fill the table. */
static void refuse(struct auth *a, const struct attempt *t, const struct throttle_subject *subject, unsigned failures, int64_t refusal_ms)
{
	const bool of_network = subject->kind == THROTTLE_NARROW || subject->kind == THROTTLE_WIDER;
	const struct net_addr_text peer = net_ip_text(&t->peer);
	struct db_lockout row = { .failures = failures, .until_ms = clock_real_ms() + refusal_ms };
	struct event event = { .type = EVENT_LOGIN_REFUSED, .field_count = 3 };
	char text[THROTTLE_SUBJECT_TEXT];

	throttle_subject_text(subject, text);
	if (!text[0])
		return;
	row.subject = span_str(text);
	event.subject = of_network ? row.subject : span_str(t->name);
	event.domain = of_network ? SPAN("") : domain_of(t);
	event.fields[0] = (struct event_field){ "refused", row.subject };
	event.fields[1] = (struct event_field){ "protocol", protocol_name(t->protocol) };
	event.fields[2] = (struct event_field){ "peer", span_str(peer.text) };
	log_event(LOG_WARN, "auth", "refused", "subject=%s failures=%u minutes=%lld peer=%s", text, failures, (long long)(refusal_ms / MINUTE_MS), peer.text);
	events_raise(a->events, &event);
	if (directory_write(a->directory, write_lockout, &row, NULL))
		log_event(LOG_WARN, "auth", "refusal_not_written", "subject=%s", text);
}

/* ---- the end of an attempt ---- */

struct count {
	struct throttle_subject subject;
	unsigned limit, failures;
	bool refused; /* from now on */
};

/* The lock is held. */
static void add(struct auth *a, struct count *c, uint64_t tried, int64_t refusal_ms, int64_t now_ms)
{
	c->refused = throttle_add(&a->throttle, &c->subject, tried, c->limit, refusal_ms, now_ms);
	c->failures = throttle_failures(&a->throttle, &c->subject, now_ms);
}

static unsigned most(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* The lock is held. What decides the delay: the most of all that is counted, wide networks by their allowance. */
static unsigned failures_of(struct auth *a, const struct attempt *t, int64_t now_ms)
{
	const struct throttle_subject pair = pair_of(t), narrow = throttle_narrow(&t->peer), wide = throttle_wide(&t->peer);
	unsigned n = throttle_failures(&a->throttle, &pair, now_ms);

	if (t->who.kind != THROTTLE_NOBODY)
		n = most(n, throttle_failures(&a->throttle, &t->who, now_ms));
	n = most(n, throttle_failures(&a->throttle, &narrow, now_ms));
	return most(n, throttle_failures(&a->throttle, &wide, now_ms) / THROTTLE_WIDE);
}

enum { PAIR,
       NARROW,
       WIDE,
       ACCOUNT,
       COUNTS };

int64_t attempt_failed(struct auth *a, const struct attempt *t, uint64_t tried)
{
	const struct limits limits = limits_now(a);
	const bool known = is_known(a, t);
	const int64_t now_ms = clock_mono_ms();
	struct count counts[COUNTS] = {
		[PAIR] = { pair_of(t), limits.failures * (t->trusted ? THROTTLE_TRUSTED : 1), 0, false },
		[NARROW] = { throttle_narrow(&t->peer), limits.failures, 0, false },
		[WIDE] = { throttle_wide(&t->peer), limits.failures * THROTTLE_WIDE, 0, false },
		[ACCOUNT] = { t->who, limits.failures, 0, false },
	};
	const bool named = t->who.kind != THROTTLE_NOBODY;
	unsigned failures;
	bool repeated;

	attempt_tell(a, t, EVENT_LOGIN_FAILED);
	if (t->local)
		return 0;
	pthread_mutex_lock(&a->throttle_lock);
	repeated = throttle_has_tried(&a->throttle, &counts[PAIR].subject, tried);
	if (!repeated)
		add(a, &counts[PAIR], tried, limits.refusal_ms, now_ms);
	if (!repeated && !t->trusted) {
		if (named)
			add(a, &counts[NARROW], 0, limits.refusal_ms, now_ms);
		add(a, &counts[WIDE], 0, limits.refusal_ms, now_ms);
		if (named && !known && counts[PAIR].failures <= (limits.failures + 1) / 2)
			add(a, &counts[ACCOUNT], 0, limits.refusal_ms, now_ms);
	}
	failures = failures_of(a, t, now_ms);
	pthread_mutex_unlock(&a->throttle_lock);
	for (int i = 0; i < COUNTS; i++) {
		if (counts[i].refused)
			refuse(a, t, &counts[i].subject, counts[i].failures, limits.refusal_ms);
	}
	return t->trusted ? 0 : throttle_delay_ms(failures);
}

void attempt_passed(struct auth *a, const struct attempt *t, uint64_t app_id)
{
	if (app_id)
		recent_use(a, RECENT_APP_PASSWORD, app_id, t->local ? NULL : &t->peer);
	/* Who comes by way of a trusted network may be anybody: it is nobody's device. */
	if (!t->trusted && recent_note_device(a, t->account_id, &t->peer, (unsigned)t->protocol))
		attempt_tell(a, t, EVENT_LOGIN_NEW_DEVICE);
}

unsigned attempt_network_failures(struct auth *a, const struct attempt *t)
{
	const struct throttle_subject narrow = throttle_narrow(&t->peer), wide = throttle_wide(&t->peer);
	const int64_t now_ms = clock_mono_ms();
	unsigned n;

	if (t->trusted)
		return 0;
	pthread_mutex_lock(&a->throttle_lock);
	n = most(throttle_failures(&a->throttle, &narrow, now_ms), throttle_failures(&a->throttle, &wide, now_ms) / THROTTLE_WIDE);
	pthread_mutex_unlock(&a->throttle_lock);
	return n;
}

static enum counter_result result_of(enum auth_verdict verdict)
{
	switch (verdict) {
	case AUTH_OK: return COUNT_OK;
	case AUTH_WRONG: return COUNT_WRONG;
	case AUTH_SUSPENDED: return COUNT_SUSPENDED;
	case AUTH_PROTOCOL_OFF: return COUNT_OFF;
	case AUTH_REFUSED: return COUNT_REFUSED;
	case AUTH_WANTS_APP_PASSWORD: return COUNT_APP_PASSWORD;
	case AUTH_BUSY: return COUNT_BUSY;
	}
	return COUNT_WRONG;
}

void attempt_count(enum auth_protocol protocol, enum auth_verdict verdict)
{
	enum counter_protocol counted = COUNT_WEB;

	switch (protocol) {
	case AUTH_IMAP: counted = COUNT_IMAP; break;
	case AUTH_POP3: counted = COUNT_POP3; break;
	case AUTH_SMTP: counted = COUNT_SMTP; break;
	case AUTH_WEB: break;
	}
	counter_auth(counted, result_of(verdict));
}
