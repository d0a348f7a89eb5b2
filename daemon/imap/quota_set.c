/* imap/quota_set.c: see the header. Who may is asked again within the batch: a role may have been taken meanwhile. */
#include "daemon/imap/quota_set.h"

#include <inttypes.h>

#include "daemon/base/log.h"
#include "daemon/directory/manage.h"
#include "daemon/directory/role.h"
#include "daemon/events/audit.h"

#define CHANGE_WAIT_MS 500 /* a long batch (an import) is not waited for: the threads of the pool serve others too */
#define VALUE_MAX 200

static bool may(const struct snapshot *s, uint64_t actor, uint64_t account_id)
{
	const struct account *by = snapshot_account(s, actor), *of = snapshot_account(s, account_id);

	return by && of && account_manages(by, of);
}

bool imap_quota_may(struct directory *d, uint64_t actor, uint64_t account_id)
{
	const struct snapshot *s = directory_hold(d);
	const bool is = may(s, actor, account_id);

	snapshot_release(&s);
	return is;
}

/* As the API shows it. */
static void describe(int64_t bytes, int64_t messages, struct buf *out)
{
	buf_add_str(out, "{\"quota\":{\"bytes\":");
	if (bytes < 0)
		buf_add_str(out, "null");
	else
		buf_addf(out, "%" PRId64, bytes);
	buf_add_str(out, ",\"messages\":");
	if (messages < 0)
		buf_add_str(out, "null}}");
	else
		buf_addf(out, "%" PRId64 "}}", messages);
}

static enum err audit(struct directory *d, const struct net_addr *peer, const struct account *by, const struct account *of, const struct store_room *limits)
{
	const struct net_addr_text text = net_ip_text(peer);
	struct audit_entry entry = { .actor = by->address, .actor_account = by->id, .via = SPAN("imap"), .operation = SPAN("user_update"), .subject = of->address };
	struct buf was, is;
	size_t at;
	enum err e;

	buf_init(&was, VALUE_MAX);
	buf_init(&is, VALUE_MAX);
	describe(of->quota_bytes, of->quota_messages, &was);
	describe((int64_t)limits->bytes, (int64_t)limits->messages, &is);
	entry.peer = peer->family == NET_NONE ? SPAN("") : span_str(text.text);
	if (span_find_char(of->address, '@', &at))
		entry.domain = span_skip(of->address, at + 1);
	entry.before = buf_span(&was);
	entry.after = buf_span(&is);
	e = was.failed || is.failed ? ERR_TEMP : audit_add(d, &entry);
	buf_clear(&was);
	buf_clear(&is);
	return e;
}

/* In the batch. */
static enum err change(struct directory *d, const struct net_addr *peer, uint64_t actor, uint64_t account_id, const struct store_room *limits, struct note *why)
{
	const struct snapshot *s = directory_hold(d); /* as it was */
	enum err e = may(s, actor, account_id) ? ERR_OK : ERR_DENIED;

	if (!e)
		e = directory_account_set_quota(d, account_id, (int64_t)limits->bytes, (int64_t)limits->messages, why);
	if (!e)
		e = audit(d, peer, snapshot_account(s, actor), snapshot_account(s, account_id), limits);
	snapshot_release(&s);
	return e;
}

enum err imap_quota_set(struct directory *d, const struct net_addr *peer, uint64_t actor, uint64_t account_id, const struct store_room *limits)
{
	struct note why = { "" };
	enum err e;

	if (limits->bytes > (uint64_t)QUOTA_BYTES_MAX || limits->messages > (uint64_t)QUOTA_MESSAGES_MAX)
		return ERR_LIMIT;
	e = directory_begin_within(d, CHANGE_WAIT_MS, &why);
	if (e)
		return e == ERR_LIMIT ? ERR_STATE : e;
	e = change(d, peer, actor, account_id, limits, &why);
	if (!e)
		e = directory_commit(d, &why);
	directory_end(d);
	if (e == ERR_TEMP || e == ERR_CORRUPT)
		log_event(LOG_ERROR, "imap", "quota_failed", "account=%llu why=%s", (unsigned long long)account_id, log_quote(span_str(why.text)).text);
	return e;
}
