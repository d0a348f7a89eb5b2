/* imap/share_service.c: grants of the directory, and the stores that they open. */
#include "daemon/imap/share_service.h"

#include <inttypes.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/events/audit.h"
#include "daemon/events/events.h"
#include "daemon/imap/share_rate.h"

#define CHANGE_WAIT_MS 500 /* a long batch (an import) is not waited for: the threads of the pool serve others too */
#define AUDIT_VALUE_MAX (8u * 1024u)

/* Its own address, in any case; under an alias of its domain too. */
static const struct account *find_account(const struct snapshot *snapshot, struct span address)
{
	const struct account *account = snapshot_account_by_login(snapshot, address);
	const struct domain *domain = NULL;
	struct address parsed;
	struct arena a;
	struct buf text;

	if (account)
		return account;
	arena_init(&a, 16 * 1024);
	buf_init(&text, ADDRESS_MAX);
	if (!address_parse(address, &a, &parsed))
		domain = snapshot_domain(snapshot, parsed.domain);
	if (domain && domain->alias_of.len) {
		parsed.domain = domain->alias_of;
		address_write(&parsed, &text);
		account = snapshot_account_by_login(snapshot, buf_span(&text));
	}
	buf_clear(&text);
	arena_clear(&a);
	return account;
}

static enum err find(void *shares, struct span address, uint64_t *account_id_out)
{
	const struct imap_shares *sh = shares;
	const struct snapshot *snapshot = directory_hold(sh->directory);
	const struct account *account = find_account(snapshot, address);

	*account_id_out = account ? account->id : 0;
	snapshot_release(&snapshot);
	return *account_id_out ? ERR_OK : ERR_NOT_FOUND;
}

static struct span address(void *shares, uint64_t account_id, struct arena *a)
{
	const struct imap_shares *sh = shares;
	const struct snapshot *snapshot = directory_hold(sh->directory);
	const struct account *account = snapshot_account(snapshot, account_id);
	struct span text = account ? arena_copy(a, account->address) : span_make(NULL, 0);

	snapshot_release(&snapshot);
	return text;
}

static unsigned rights(void *shares, uint64_t owner, uint64_t mailbox_id)
{
	const struct imap_shares *sh = shares;
	const struct snapshot *snapshot = directory_hold(sh->directory);
	const struct grants *grants = grants_hold(sh->directory);
	unsigned have = grants_rights(grants, snapshot, sh->account_id, owner, mailbox_id);

	grants_release(&grants);
	snapshot_release(&snapshot);
	return have;
}

/* An account that lets nothing be seen is none to be listed. */
static bool has_any(const struct imap_shares *sh, uint64_t owner, unsigned any)
{
	const struct snapshot *snapshot = directory_hold(sh->directory);
	const struct grants *grants = grants_hold(sh->directory);
	const struct grant *all;
	const size_t count = grants_of(grants, owner, &all);
	bool has = false;

	for (size_t i = 0; i < count && !has; i++)
		if (all[i].grantee == sh->account_id || all[i].grantee == GRANTEE_ANYONE)
			has = grants_rights(grants, snapshot, sh->account_id, owner, all[i].mailbox) & any;
	grants_release(&grants);
	snapshot_release(&snapshot);
	return has;
}

/* `used` first: a change of grants that comes after the look is told. */
static enum err owners(void *shares, struct arena *a, uint64_t **out, size_t *count_out)
{
	struct imap_shares *sh = shares;
	const struct snapshot *snapshot;
	const struct grants *grants;
	size_t kept = 0;
	enum err e;

	atomic_store(&sh->used, true);
	snapshot = directory_hold(sh->directory);
	grants = grants_hold(sh->directory);
	e = grants_owners(grants, snapshot, sh->account_id, a, out, count_out);
	grants_release(&grants);
	snapshot_release(&snapshot);
	for (size_t i = 0; !e && i < *count_out; i++)
		if (has_any(sh, (*out)[i], RIGHT_LOOKUP))
			(*out)[kept++] = (*out)[i];
	*count_out = kept;
	return e;
}

static uint64_t version(void *shares)
{
	const struct imap_shares *sh = shares;
	const struct grants *grants = grants_hold(sh->directory);
	const uint64_t now = grants_version(grants);

	grants_release(&grants);
	return now;
}

/* Who may read a shared account's mail makes its mailboxes, as its first delivery would: nobody logs in to it. */
static enum err open_store(void *shares, uint64_t owner, struct mailstore **out)
{
	struct imap_shares *sh = shares;
	struct note why = { "" };
	enum err e;

	*out = NULL;
	atomic_store(&sh->used, true);
	if (!has_any(sh, owner, RIGHT_ALL))
		return ERR_NOT_FOUND;
	e = store_open(sh->store, owner, out, &why);
	if (e)
		log_event(LOG_ERROR, "imap", "account_open_failed", "account=%llu why=%s", (unsigned long long)owner, log_quote(span_str(why.text)).text);
	return e;
}

/* ---- the list of a mailbox ---- */

static int compare(const void *key, const void *element)
{
	const struct grant *x = key, *y = element;

	if (x->mailbox != y->mailbox)
		return x->mailbox < y->mailbox ? -1 : 1;
	return x->grantee < y->grantee ? -1 : x->grantee > y->grantee;
}

/* The one that counts: the mailbox's own, else that of all mailboxes. Null: neither. */
static const struct grant *find_grant(const struct grant *all, size_t count, uint64_t mailbox_id, uint64_t grantee)
{
	struct grant key = { .mailbox = mailbox_id, .grantee = grantee };
	const struct grant *found = count ? bsearch(&key, all, count, sizeof key, compare) : NULL;

	key.mailbox = GRANT_EVERY_MAILBOX;
	return found || !count ? found : bsearch(&key, all, count, sizeof key, compare);
}

static enum err list(void *shares, uint64_t owner, uint64_t mailbox_id, struct arena *a, struct grant **out, size_t *count_out)
{
	const struct imap_shares *sh = shares;
	const struct grants *grants = grants_hold(sh->directory);
	const struct grant *all;
	const size_t count = grants_of(grants, owner, &all);
	size_t n = 0;

	*out = arena_array(a, count, sizeof **out);
	for (size_t i = 0; *out && i < count; i++) {
		const bool counts = all[i].mailbox == mailbox_id || all[i].mailbox == GRANT_EVERY_MAILBOX;

		if (counts && all[i].rights && find_grant(all, count, mailbox_id, all[i].grantee) == &all[i])
			(*out)[n++] = all[i];
	}
	*count_out = n;
	grants_release(&grants);
	return *out ? ERR_OK : ERR_LIMIT;
}

/* ---- changing it ---- */

static void add_json(struct buf *out, struct span text)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < text.len; i++) { /* names and addresses hold no control characters */
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, text.ptr[i]);
	}
	buf_add_char(out, '"');
}

/* As the API shows a grant. */
static void describe(const struct imap_grant_change *c, struct span owner, struct span grantee, unsigned rights, struct buf *out)
{
	char letters[12];

	buf_init(out, AUDIT_VALUE_MAX);
	if (!rights)
		return;
	rights_write(rights, letters);
	buf_addf(out, "{\"id\":\"grt_%" PRIu64 "_%" PRIu64 "\",\"owner\":", c->grant.mailbox, c->grant.grantee);
	add_json(out, owner);
	buf_add_str(out, ",\"mailbox\":");
	add_json(out, c->mailbox);
	buf_add_str(out, ",\"grantee\":");
	add_json(out, grantee);
	buf_addf(out, ",\"rights\":\"%s\"}", letters);
}

static struct span domain_of(struct span address)
{
	size_t at;

	return span_find_char(address, '@', &at) ? span_skip(address, at + 1) : SPAN("");
}

/* The API's words: those of who changes what is his own, and of who does it for the owner. */
static struct span operation_of(const struct imap_shares *sh, const struct imap_grant_change *c, unsigned after)
{
	if (c->grant.owner == sh->account_id)
		return after ? SPAN("me_grant_set") : SPAN("me_grant_delete");
	return after ? SPAN("user_grant_set") : SPAN("user_grant_delete");
}

/* In the batch of the change. */
static enum err audit(const struct imap_shares *sh, const struct imap_grant_change *c, unsigned before, unsigned after)
{
	const struct snapshot *snapshot = directory_hold(sh->directory);
	const struct account *owner = snapshot_account(snapshot, c->grant.owner), *actor = snapshot_account(snapshot, sh->account_id),
			     *grantee = snapshot_account(snapshot, c->grant.grantee);
	const struct net_addr_text peer = net_ip_text(&sh->peer);
	struct buf was, is;
	enum err e = ERR_NOT_FOUND;

	describe(c, owner ? owner->address : SPAN(""), grantee ? grantee->address : SPAN("anyone"), before, &was);
	describe(c, owner ? owner->address : SPAN(""), grantee ? grantee->address : SPAN("anyone"), after, &is);
	if (owner && actor) {
		struct audit_entry entry = { .actor = actor->address, .actor_account = actor->id, .via = SPAN("imap"), .subject = owner->address };

		entry.operation = operation_of(sh, c, after);
		entry.peer = sh->peer.family == NET_NONE ? SPAN("") : span_str(peer.text);
		entry.domain = domain_of(owner->address);
		entry.before = buf_span(&was);
		entry.after = buf_span(&is);
		e = was.failed || is.failed ? ERR_TEMP : audit_add(sh->directory, &entry);
	}
	buf_clear(&was);
	buf_clear(&is);
	snapshot_release(&snapshot);
	return e;
}

/* Committed: who watches what happens hears of it as of a change over the API. */
static void raise(const struct imap_shares *sh, const struct imap_grant_change *c, unsigned after)
{
	const struct snapshot *snapshot = directory_hold(sh->directory);
	const struct account *owner = snapshot_account(snapshot, c->grant.owner), *actor = snapshot_account(snapshot, sh->account_id);
	struct event event = { .type = EVENT_GRANT_CHANGED, .field_count = 2 };

	if (owner && actor) {
		event.subject = owner->address;
		event.domain = domain_of(owner->address);
		event.fields[0] = (struct event_field){ "verb", after ? SPAN("grant") : SPAN("revoke") };
		event.fields[1] = (struct event_field){ "actor", actor->address };
		events_raise(sh->events, &event);
	}
	snapshot_release(&snapshot);
}

static enum err begin(const struct imap_shares *sh, struct note *why)
{
	const enum err e = directory_begin_within(sh->directory, CHANGE_WAIT_MS, why);

	return e == ERR_LIMIT ? ERR_STATE : e;
}

static enum err end(const struct imap_shares *sh, enum err e, struct note *why)
{
	if (!e)
		e = directory_commit(sh->directory, why);
	directory_end(sh->directory);
	if (e == ERR_TEMP || e == ERR_CORRUPT)
		log_event(LOG_ERROR, "imap", "grant_failed", "account=%llu why=%s", (unsigned long long)sh->account_id, log_quote(span_str(why->text)).text);
	if (!e && sh->changed)
		sh->changed(sh->arg);
	return e;
}

/* Who may is asked again within the batch: it may have been taken back while another change was waited for. */
static enum err change(void *shares, const struct imap_grant_change *c)
{
	struct imap_shares *sh = shares;
	struct grant grant = c->grant;
	struct note why = { "" };
	const struct grants *grants;
	const struct grant *all, *found;
	size_t count;
	unsigned before;
	enum err e = share_rate_take(sh->account_id, clock_mono_ms()) ? begin(sh, &why) : ERR_STATE;

	if (e)
		return e;
	if (!(rights(sh, grant.owner, grant.mailbox) & RIGHT_ADMIN)) {
		directory_end(sh->directory);
		return ERR_DENIED;
	}
	grants = grants_hold(sh->directory); /* nobody else changes them now */
	count = grants_of(grants, grant.owner, &all);
	found = find_grant(all, count, grant.mailbox, grant.grantee);
	before = found ? found->rights : 0;
	grants_release(&grants);
	switch (c->how) {
	case GRANT_REPLACE: break;
	case GRANT_ADD: grant.rights |= before; break;
	case GRANT_TAKE: grant.rights = before & ~grant.rights; break;
	}
	if (grant.rights == before) {
		directory_end(sh->directory);
		return ERR_OK;
	}
	e = directory_grant_set(sh->directory, &grant, &why);
	if (!e)
		e = audit(sh, c, before, grant.rights);
	e = end(sh, e, &why);
	if (!e)
		raise(sh, c, grant.rights);
	return e;
}

static bool has_own(const struct imap_shares *sh, uint64_t owner, uint64_t mailbox_id)
{
	const struct grants *grants = grants_hold(sh->directory);
	const struct grant *all;
	const size_t count = grants_of(grants, owner, &all);
	bool has = false;

	for (size_t i = 0; i < count && !has; i++)
		has = all[i].mailbox == mailbox_id;
	grants_release(&grants);
	return has;
}

static enum err inherit(void *shares, uint64_t owner, uint64_t parent, const uint64_t *mailbox_ids, size_t count)
{
	const struct imap_shares *sh = shares;
	struct note why = { "" };
	enum err e;

	if (!parent || !has_own(sh, owner, parent)) /* those of all mailboxes hold for them already */
		return ERR_OK;
	e = share_rate_take(sh->account_id, clock_mono_ms()) ? begin(sh, &why) : ERR_STATE;
	if (e)
		return e;
	for (size_t i = 0; i < count && !e; i++)
		e = directory_grants_inherit(sh->directory, owner, parent, mailbox_ids[i], &why);
	return end(sh, e, &why);
}

/* As often as there is something to forget: what made it was counted. */
static void forget(void *shares, uint64_t owner, uint64_t mailbox_id)
{
	const struct imap_shares *sh = shares;
	struct note why = { "" };
	enum err e;

	if (!has_own(sh, owner, mailbox_id))
		return;
	e = begin(sh, &why);
	if (!e)
		e = end(sh, directory_grants_forget(sh->directory, owner, mailbox_id, &why), &why);
	if (e == ERR_STATE)
		log_event(LOG_WARN, "imap", "grants_left", "owner=%llu mailbox=%llu", (unsigned long long)owner, (unsigned long long)mailbox_id);
}

void imap_share_service(struct imap_service *out)
{
	out->share_find = find;
	out->share_address = address;
	out->share_rights = rights;
	out->share_owners = owners;
	out->share_version = version;
	out->share_open = open_store;
	out->share_list = list;
	out->share_change = change;
	out->share_inherit = inherit;
	out->share_forget = forget;
}
