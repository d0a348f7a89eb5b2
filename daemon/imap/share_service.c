/* imap/share_service.c: grants of the directory, and the stores that they open. */
#include "daemon/imap/share_service.h"

#include "daemon/base/log.h"

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

static enum err owners(void *shares, struct arena *a, uint64_t **out, size_t *count_out)
{
	const struct imap_shares *sh = shares;
	const struct snapshot *snapshot = directory_hold(sh->directory);
	const struct grants *grants = grants_hold(sh->directory);
	enum err e = grants_owners(grants, snapshot, sh->account_id, a, out, count_out);

	grants_release(&grants);
	snapshot_release(&snapshot);
	return e;
}

static bool has_any(const struct imap_shares *sh, uint64_t owner)
{
	const struct snapshot *snapshot = directory_hold(sh->directory);
	const struct grants *grants = grants_hold(sh->directory);
	const struct grant *all;
	const size_t count = grants_of(grants, owner, &all);
	bool has = false;

	for (size_t i = 0; i < count && !has; i++)
		if (all[i].grantee == sh->account_id || all[i].grantee == GRANTEE_ANYONE)
			has = grants_rights(grants, snapshot, sh->account_id, owner, all[i].mailbox) != 0;
	grants_release(&grants);
	snapshot_release(&snapshot);
	return has;
}

/* Who may read a shared account's mail makes its mailboxes, as its first delivery would: nobody logs in to it. `used` first: a change of grants that comes
 * after the look is told. */
static enum err open_store(void *shares, uint64_t owner, struct mailstore **out)
{
	struct imap_shares *sh = shares;
	struct note why = { "" };
	enum err e;

	*out = NULL;
	atomic_store(&sh->used, true);
	if (!has_any(sh, owner))
		return ERR_NOT_FOUND;
	e = store_open(sh->store, owner, out, &why);
	if (e)
		log_event(LOG_ERROR, "imap", "account_open_failed", "account=%llu why=%s", (unsigned long long)owner, log_quote(span_str(why.text)).text);
	return e;
}

void imap_share_service(struct imap_service *out)
{
	out->share_find = find;
	out->share_address = address;
	out->share_rights = rights;
	out->share_owners = owners;
	out->share_open = open_store;
}
