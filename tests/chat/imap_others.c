/* chat/imap_others.c: see the header. */
#include "tests/chat/imap_others.h"

#include <stdio.h>

#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"

static enum err no_account(void *shares, struct span address, uint64_t *account_id_out)
{
	(void)shares;
	(void)address;
	*account_id_out = 0;
	return ERR_NOT_FOUND;
}

static enum err no_owners(void *shares, struct arena *a, uint64_t **out, size_t *count_out)
{
	(void)shares;
	(void)a;
	*out = NULL;
	*count_out = 0;
	return ERR_OK;
}

static enum err inherits_nothing(void *shares, uint64_t owner, uint64_t parent, const uint64_t *mailbox_ids, size_t count)
{
	(void)shares;
	(void)owner;
	(void)parent;
	(void)mailbox_ids;
	(void)count;
	return ERR_OK;
}

static void forgets_nothing(void *shares, uint64_t owner, uint64_t mailbox_id)
{
	(void)shares;
	(void)owner;
	(void)mailbox_id;
}

static struct span no_address(void *shares, uint64_t account_id, struct arena *a)
{
	(void)shares;
	(void)account_id;
	(void)a;
	return span_make(NULL, 0);
}

static enum err no_grants(void *shares, uint64_t owner, uint64_t mailbox_id, struct arena *a, struct grant **out, size_t *count_out)
{
	(void)shares;
	(void)owner;
	(void)mailbox_id;
	(void)a;
	*out = NULL;
	*count_out = 0;
	return ERR_OK;
}

static uint64_t no_version(void *shares)
{
	(void)shares;
	return 1;
}

void imap_others_none(struct imap_service *service)
{
	service->share_find = no_account;
	service->share_address = no_address;
	service->share_owners = no_owners;
	service->share_version = no_version;
	service->share_list = no_grants;
	service->share_inherit = inherits_nothing;
	service->share_forget = forgets_nothing;
}

static enum err begin(struct imap_others *o, const char *folder, struct imap_service *service)
{
	struct directory_config config = { 0 };
	struct seal_key key;
	char path[300];
	enum err e;

	snprintf(path, sizeof path, "%s/control.db", folder);
	seal_key_random(&key);
	config.path = path;
	config.key = &key;
	e = directory_open(&config, &o->directory, NULL);
	imap_share_service(service);
	return e;
}

enum err imap_others_add(struct imap_others *o, const char *folder, struct imap_service *service, struct span address)
{
	enum err e = o->directory ? ERR_OK : begin(o, folder, service);
	uint64_t id;
	size_t at;

	if (e || !span_find_char(address, '@', &at))
		return e ? e : ERR_SYNTAX;
	e = directory_domain_add(o->directory, span_skip(address, at + 1), NULL);
	if (e && e != ERR_EXISTS)
		return e;
	return directory_account_add(o->directory, address, SPAN(""), ROLE_USER, &id, NULL);
}

uint64_t imap_others_id(const struct imap_others *o, struct span address)
{
	const struct snapshot *snapshot;
	const struct account *account;
	uint64_t id;

	if (!o->directory)
		return 0;
	snapshot = directory_hold(o->directory);
	account = snapshot_account_by_login(snapshot, address);
	id = account ? account->id : 0;
	snapshot_release(&snapshot);
	return id;
}

enum err imap_others_suspend(struct imap_others *o, struct span address)
{
	const uint64_t id = imap_others_id(o, address);

	return id ? directory_account_set_suspended(o->directory, id, true, NULL) : ERR_NOT_FOUND;
}

static enum err mailbox_id(struct store *store, uint64_t owner, struct span name, uint64_t *out)
{
	struct mailbox_info info;
	struct mailstore *m;
	struct arena a;
	enum err e;

	*out = GRANT_EVERY_MAILBOX;
	if (span_equals(name, SPAN("*")))
		return ERR_OK;
	e = store_open(store, owner, &m, NULL);
	if (e)
		return e;
	arena_init(&a, 64 * 1024);
	e = mailbox_find(m, name, &a, &info);
	*out = info.id;
	arena_clear(&a);
	store_close(&m);
	return e;
}

enum err imap_others_grant(struct imap_others *o, struct store *store, struct span text)
{
	struct span owner, mailbox, grantee;
	struct grant g;
	enum err e;

	if (!span_split(&text, ' ', &owner) || !span_split(&text, ' ', &mailbox) || !span_split(&text, ' ', &grantee))
		return ERR_SYNTAX;
	g.owner = imap_others_id(o, owner);
	g.grantee = span_equals(grantee, SPAN("anyone")) ? GRANTEE_ANYONE : imap_others_id(o, grantee);
	e = rights_parse(span_equals(text, SPAN("-")) ? SPAN("") : text, &g.rights);
	if (!e)
		e = mailbox_id(store, g.owner, mailbox, &g.mailbox);
	return e ? e : directory_grant_set(o->directory, &g, NULL);
}

void imap_others_end(struct imap_others *o)
{
	directory_close(&o->directory);
}
