/* directory/manage_mail.c: what concerns the mail of an account: where it goes on to, what it may be from, how much may leave, how much may be kept. */
#include <inttypes.h>

#include "daemon/directory/change.h"
#include "daemon/directory/manage.h"
#include "daemon/directory/name.h"
#include "db/control_account.h"
#include "db/control_domain.h"
#include "db/control_forward.h"
#include "db/control_identity.h"

#define NAME_MEMORY_MAX ((size_t)1 << 20)

struct names {
	uint64_t id;
	struct name *names;
	size_t count;
	bool keeps;
};

static bool is_listed(const struct names *c, struct span key)
{
	for (size_t i = 0; i < c->count; i++) {
		if (span_equals(c->names[i].key, key))
			return true;
	}
	return false;
}

static enum err parse_names(const struct span *texts, size_t count, size_t max, bool domains, struct arena *a, struct names *c, struct note *why)
{
	enum err e = ERR_OK;

	if (count > max) {
		note_set(why, "at most %zu addresses", max);
		return ERR_LIMIT;
	}
	c->names = arena_array(a, count, sizeof(*c->names));
	if (!c->names)
		return ERR_TEMP;
	for (size_t i = 0; i < count && !e; i++) {
		e = name_parse(texts[i], domains, a, &c->names[c->count], why);
		if (!e && !is_listed(c, c->names[c->count].key))
			c->count++;
	}
	return e;
}

/* By its name, by a subaddress of it, or either under a domain that stands for its own. */
static enum err is_own(struct db *db, struct span own, const struct name *target, bool *out)
{
	struct buf of, moved;
	size_t local = target->base_key.len - target->domain.len;
	enum err e;

	*out = span_equals(target->base_key, own) || span_equals(target->key, own);
	if (*out)
		return ERR_OK;
	buf_init(&of, ADDRESS_DOMAIN_MAX);
	buf_init(&moved, NAME_KEY_MAX);
	e = db_domain_alias_of(db, target->domain, &of);
	buf_add(&moved, span_take(target->base_key, local));
	buf_add(&moved, buf_span(&of));
	*out = !e && of.len > 0 && span_equals(buf_span(&moved), own);
	buf_clear(&of);
	buf_clear(&moved);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* What goes on to the account itself stays: that is said by `keeps`. */
static enum err drop_own(struct db *db, struct names *c, struct note *why)
{
	struct buf own;
	size_t kept = 0;
	enum err e;

	buf_init(&own, NAME_KEY_MAX);
	e = db_account_get_key(db, c->id, &own);
	for (size_t i = 0; i < c->count && !e; i++) {
		bool is = false;

		e = is_own(db, buf_span(&own), &c->names[i], &is);
		c->keeps = c->keeps || is;
		if (!is)
			c->names[kept++] = c->names[i];
	}
	buf_clear(&own);
	if (!e && c->count > 0 && kept == 0) {
		note_set(why, "mail cannot be forwarded to the user whose it is");
		return ERR_STATE;
	}
	c->count = kept;
	return e;
}

static enum err run_set_forwards(struct directory *d, void *arg, struct note *why)
{
	struct names *c = arg;
	enum err e = drop_own(d->db, c, why);

	if (!e)
		e = db_forward_remove_all(d->db, c->id);
	if (!e)
		e = db_account_set_forward_keep(d->db, c->id, c->keeps || c->count == 0);
	for (size_t i = 0; i < c->count && !e; i++) {
		struct db_forward row = { .account_id = c->id, .target = c->names[i].address, .key = c->names[i].key, .base_key = c->names[i].base_key };

		e = db_forward_add(d->db, i, &row);
	}
	return e;
}

enum err directory_account_set_forwards(struct directory *d, uint64_t id, const struct span *targets, size_t count, bool keeps, struct note *why)
{
	struct names c = { .id = id, .keeps = keeps };
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = parse_names(targets, count, FORWARDS_MAX, false, &a, &c, why);
	if (!e)
		e = directory_change(d, run_set_forwards, &c, why);
	arena_clear(&a);
	return e;
}

static enum err run_set_identities(struct directory *d, void *arg, struct note *why)
{
	const struct names *c = arg;
	struct buf own;
	enum err e;

	buf_init(&own, NAME_KEY_MAX);
	e = db_account_get_key(d->db, c->id, &own);
	buf_clear(&own);
	if (!e)
		e = db_identity_remove_all(d->db, c->id);
	for (size_t i = 0; i < c->count && !e; i++) {
		struct db_identity row = { .account_id = c->id, .key = c->names[i].key, .address = c->names[i].address };

		if (row.key.ptr[0] == '@')
			e = db_domain_find(d->db, c->names[i].domain);
		if (e == ERR_NOT_FOUND)
			note_set(why, "%.*s: not a domain of this server", (int)c->names[i].domain.len, c->names[i].domain.ptr);
		if (!e)
			e = db_identity_add(d->db, &row);
	}
	return e;
}

enum err directory_account_set_identities(struct directory *d, uint64_t id, const struct span *addresses, size_t count, struct note *why)
{
	struct names c = { .id = id };
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = parse_names(addresses, count, IDENTITIES_MAX, true, &a, &c, why);
	if (!e)
		e = directory_change(d, run_set_identities, &c, why);
	arena_clear(&a);
	return e;
}

struct limits {
	uint64_t id;
	int32_t hour, day, fresh;
};

static enum err run_set_limits(struct directory *d, void *arg, struct note *why)
{
	const struct limits *c = arg;

	(void)why;
	return db_account_set_limits(d->db, c->id, c->hour, c->day, c->fresh);
}

enum err directory_account_set_limits(struct directory *d, uint64_t id, int32_t hour, int32_t day, int32_t fresh, struct note *why)
{
	struct limits c = { id, hour, day, fresh };
	const int32_t all[] = { hour, day, fresh };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] < -1 || all[i] > SENDING_LIMIT_MAX) {
			note_set(why, "a limit is a number up to %d; 0: none; -1: as the settings say", SENDING_LIMIT_MAX);
			return ERR_LIMIT;
		}
	}
	return directory_change(d, run_set_limits, &c, why);
}

struct quota {
	uint64_t id;
	int64_t bytes, messages;
};

static enum err run_set_quota(struct directory *d, void *arg, struct note *why)
{
	const struct quota *c = arg;

	(void)why;
	return db_account_set_quota(d->db, c->id, c->bytes, c->messages);
}

enum err directory_account_set_quota(struct directory *d, uint64_t id, int64_t bytes, int64_t messages, struct note *why)
{
	struct quota c = { id, bytes, messages };

	if (bytes < -1 || bytes > QUOTA_BYTES_MAX || messages < -1 || messages > QUOTA_MESSAGES_MAX) {
		note_set(why, "a quota is at most %" PRId64 " bytes and %" PRId64 " messages; 0: none; -1: as the settings say", QUOTA_BYTES_MAX, QUOTA_MESSAGES_MAX);
		return ERR_LIMIT;
	}
	return directory_change(d, run_set_quota, &c, why);
}

struct protocols_off {
	uint64_t id;
	unsigned bits;
};

static enum err run_set_protocols_off(struct directory *d, void *arg, struct note *why)
{
	const struct protocols_off *c = arg;

	(void)why;
	return db_account_set_protocols_off(d->db, c->id, c->bits);
}

enum err directory_account_set_protocols_off(struct directory *d, uint64_t id, unsigned protocols, struct note *why)
{
	struct protocols_off c = { id, protocols };

	return directory_change(d, run_set_protocols_off, &c, why);
}

struct imap_off {
	uint64_t id;
	struct span names;
};

static enum err run_set_imap_off(struct directory *d, void *arg, struct note *why)
{
	const struct imap_off *c = arg;

	(void)why;
	return db_account_set_imap_off(d->db, c->id, c->names);
}

enum err directory_account_set_imap_off(struct directory *d, uint64_t id, struct span names, struct note *why)
{
	struct imap_off c = { id, names };

	if (names.len > IMAP_OFF_MAX) {
		note_set(why, "names of IMAP capabilities: at most %d bytes in all", IMAP_OFF_MAX);
		return ERR_LIMIT;
	}
	for (size_t i = 0; i < names.len; i++) {
		if (names.ptr[i] < ' ' || names.ptr[i] > '~') {
			note_set(why, "names of IMAP capabilities are of ASCII characters");
			return ERR_SYNTAX;
		}
	}
	return directory_change(d, run_set_imap_off, &c, why);
}
