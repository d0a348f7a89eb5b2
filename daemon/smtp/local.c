/* smtp/local.c: see local.h.
 *
 * The login's name comes out of /etc/passwd alone: a directory service behind nsswitch.conf would be asked over the network, and a
 * pool thread waits for the local disk only. A uid that is not there sends as "uid1000".
 */
#include "daemon/smtp/local.h"

#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/directory/directory.h"
#include "daemon/directory/name.h"
#include "daemon/directory/submitter.h"

#define PASSWD "/etc/passwd"
#define PASSWD_LINE_MAX 4096
#define MEMORY_MAX 16384
#define RATES 256 /* uids at once; of more, the one that has used least is forgotten */

static void read_login(uint32_t uid, char *out, size_t room)
{
	FILE *from = fopen(PASSWD, "re");
	char line[PASSWD_LINE_MAX];
	struct passwd entry, *found = NULL;

	snprintf(out, room, "uid%u", uid);
	while (from && fgetpwent_r(from, &entry, line, sizeof(line), &found) == 0) {
		if (found->pw_uid == uid) {
			snprintf(out, room, "%.64s", found->pw_name);
			break;
		}
	}
	if (from)
		fclose(from);
}

/* What an address without a domain means: that of the owner. */
static void read_origin(const struct snapshot *s, char *out, size_t room)
{
	const struct address postmaster = { SPAN("postmaster"), { NULL, 0 } };
	const struct account *owner;
	struct span domain = snapshot_hostname(s);
	struct resolution r;

	snapshot_resolve(s, &postmaster, &r);
	owner = r.kind == RESOLVED_ACCOUNT ? snapshot_account(s, r.account_id) : NULL;
	for (size_t i = owner ? owner->address.len : 0; i > 0; i--) {
		if (owner->address.ptr[i - 1] == '@') {
			domain = span_skip(owner->address, i);
			break;
		}
	}
	snprintf(out, room, "%.*s", (int)domain.len, domain.ptr);
}

enum err local_rule_read(struct directory *d, uint32_t uid, struct local_rule *out)
{
	const struct snapshot *s;
	struct submitter row;
	struct arena a;
	char login[ADDRESS_LOCAL_MAX + 1];
	enum err e;

	arena_init(&a, MEMORY_MAX);
	e = directory_submitter_find(d, uid, &a, &row);
	if (e == ERR_OK) {
		*out = (struct local_rule){ .any_sender = uid == 0 || uid == geteuid() };
		s = directory_hold(d);
		read_origin(s, out->origin, sizeof(out->origin));
		if (row.sender.len > 0) {
			snprintf(out->sender, sizeof(out->sender), "%.*s", (int)row.sender.len, row.sender.ptr);
		} else {
			struct span hostname = snapshot_hostname(s);

			read_login(uid, login, sizeof(login));
			snprintf(out->sender, sizeof(out->sender), "%s@%.*s", login, (int)hostname.len, hostname.ptr);
		}
		snapshot_release(&s);
		out->holds = (struct smtp_local){ .allowed = row.allowed, .sends_outside = row.remote, .sender = span_str(out->sender), .origin = span_str(out->origin) };
	}
	arena_clear(&a);
	return e == ERR_OK ? ERR_OK : ERR_TEMP;
}

bool local_is_hostname(struct directory *d, struct span domain)
{
	const struct snapshot *s = directory_hold(d);
	bool is = domain.len > 0 && span_iequals(domain, snapshot_hostname(s));

	snapshot_release(&s);
	return is;
}

static bool is_ours(struct directory *d, const struct address *address)
{
	const struct snapshot *s = directory_hold(d);
	struct resolution r;

	snapshot_resolve(s, address, &r);
	snapshot_release(&s);
	return r.kind != RESOLVED_REMOTE || local_is_hostname(d, address->domain);
}

static bool same_key(const struct name_key *a, const struct name_key *b)
{
	return a->len > 0 && span_equals(span_make(a->bytes, a->len), span_make(b->bytes, b->len));
}

bool local_rule_may_send_as(const struct local_rule *r, struct directory *d, const struct address *address)
{
	struct name_key mine, asked;
	struct address sender;
	struct arena a;
	bool may = false;

	if (r->any_sender)
		return is_ours(d, address);
	arena_init(&a, MEMORY_MAX);
	if (address_parse(r->holds.sender, &a, &sender) == ERR_OK) {
		name_key(&sender, &mine);
		name_key(address, &asked);
		may = same_key(&mine, &asked) || (name_key_cut(&asked) && same_key(&mine, &asked));
	}
	arena_clear(&a);
	return may;
}

struct rate {
	uint32_t uid;
	bool used;
	int64_t full_at_ms; /* mono: when nothing of the allowance is missing any more */
};

/* A bucket as the time at which it is full again: what is missing is what that time is ahead of now. */
struct local_rates {
	pthread_mutex_t lock; /* guards list */
	struct rate list[RATES];
};

enum err local_rates_new(struct local_rates **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return ERR_TEMP;
	pthread_mutex_init(&(*out)->lock, NULL);
	return ERR_OK;
}

void local_rates_free(struct local_rates **r)
{
	if (*r)
		pthread_mutex_destroy(&(*r)->lock);
	free(*r);
	*r = NULL;
}

static struct rate *find_rate(struct local_rates *r, uint32_t uid)
{
	struct rate *least = &r->list[0];

	for (size_t i = 0; i < RATES; i++) {
		struct rate *at = &r->list[i];

		if (at->used && at->uid == uid)
			return at;
		if (least->used && (!at->used || at->full_at_ms < least->full_at_ms))
			least = at;
	}
	*least = (struct rate){ .uid = uid, .used = true };
	return least;
}

bool local_rates_take(struct local_rates *r, uint32_t uid, int64_t now_mono_ms)
{
	const int64_t one_ms = 60000 / SMTP_LOCAL_PER_MINUTE;
	struct rate *rate;
	bool taken;

	pthread_mutex_lock(&r->lock);
	rate = find_rate(r, uid);
	if (rate->full_at_ms < now_mono_ms)
		rate->full_at_ms = now_mono_ms;
	taken = rate->full_at_ms + one_ms - now_mono_ms <= SMTP_LOCAL_BURST * one_ms;
	if (taken)
		rate->full_at_ms += one_ms;
	pthread_mutex_unlock(&r->lock);
	return taken;
}
