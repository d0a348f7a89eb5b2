/* db/mail_check.c: the invariants of mail.db, each as a statement that finds what breaks it. */
#include "db/mail_check.h"

#include "db/stmt.h"

/* A row is a fault: its first column is an id to name. */
static const struct rule {
	const char *broken, *sql;
} rules[] = {
	{ "content without a meta row", "SELECT id FROM content WHERE id NOT IN (SELECT id FROM meta) LIMIT 1" },
	{ "meta without a content row", "SELECT id FROM meta WHERE id NOT IN (SELECT id FROM content) LIMIT 1" },
	{ "meta that no message names", "SELECT id FROM meta WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.content = meta.id) LIMIT 1" },
	{ "message without a meta row", "SELECT uid FROM message WHERE content NOT IN (SELECT id FROM meta) LIMIT 1" },
	{ "message without a mailbox", "SELECT uid FROM message WHERE mailbox NOT IN (SELECT id FROM mailbox) LIMIT 1" },
	{ "message past uidnext", "SELECT message.uid FROM message JOIN mailbox ON mailbox.id = message.mailbox WHERE message.uid < 1 OR message.uid >= mailbox.uidnext LIMIT 1" },
	{ "message newer than its mailbox", "SELECT message.uid FROM message JOIN mailbox ON mailbox.id = message.mailbox WHERE message.modseq > mailbox.modseq LIMIT 1" },
	{ "mailbox newer than the account", "SELECT id FROM mailbox WHERE modseq > (SELECT modseq FROM account) LIMIT 1" },
	{ "mailbox with a UIDVALIDITY not yet given", "SELECT id FROM mailbox WHERE uidvalidity > (SELECT uidvalidity FROM account) LIMIT 1" },
	{ "content id not yet given", "SELECT id FROM meta WHERE id > (SELECT content FROM account) LIMIT 1" },
	{ "body neither in the row nor in a file", "SELECT meta.id FROM meta JOIN content USING (id) WHERE (meta.file IS NULL) <> (content.body IS NOT NULL) LIMIT 1" },
	{ "size that is not the sum of its parts", "SELECT meta.id FROM meta JOIN content USING (id) WHERE meta.size <> length(content.prefix) + length(content.head) + meta.body_size"
						   " OR (content.body IS NOT NULL AND length(content.body) <> meta.body_size) LIMIT 1" },
	{ "expunged and present", "SELECT message.uid FROM expunged JOIN message ON message.mailbox = expunged.mailbox AND message.uid BETWEEN first_uid AND last_uid LIMIT 1" },
	{ "expunge log miscounted", "SELECT id FROM mailbox WHERE expunged_rows <> (SELECT count(*) FROM expunged WHERE expunged.mailbox = mailbox.id) LIMIT 1" },
	{ "expunged past uidnext", "SELECT first_uid FROM expunged JOIN mailbox ON mailbox.id = expunged.mailbox WHERE first_uid < 1 OR first_uid > last_uid"
				   " OR last_uid >= mailbox.uidnext LIMIT 1" },
	{ "expunged newer than its mailbox, or cut from the log", "SELECT first_uid FROM expunged JOIN mailbox ON mailbox.id = expunged.mailbox"
								  " WHERE expunged.modseq > mailbox.modseq OR expunged.modseq <= mailbox.expunged_floor LIMIT 1" },
	{ "expunge log cut past the mailbox", "SELECT id FROM mailbox WHERE expunged_floor > modseq LIMIT 1" },
	{ "thread of a later message", "SELECT id FROM meta WHERE thread >= id LIMIT 1" },
	/* Keys of what is not there any more may be left: release 0001 does not know of them. */
	{ "content in two threads", "SELECT content FROM thread_key JOIN meta ON meta.id = content WHERE thread_key.thread <> iif(meta.thread, meta.thread, meta.id) LIMIT 1" },
	{ "mailbox counters", "SELECT mailbox.id FROM mailbox LEFT JOIN (SELECT message.mailbox AS id, count(*) AS messages, sum(flags & 1 = 0) AS unseen,"
			      " sum(flags & 8 <> 0) AS deleted, sum(meta.size) AS size FROM message JOIN meta ON meta.id = message.content GROUP BY message.mailbox) AS real"
			      " ON real.id = mailbox.id WHERE mailbox.messages <> ifnull(real.messages, 0) OR mailbox.unseen <> ifnull(real.unseen, 0)"
			      " OR mailbox.deleted <> ifnull(real.deleted, 0) OR mailbox.size <> ifnull(real.size, 0) LIMIT 1" },
};

enum err db_mail_check(struct db *db, struct note *why)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct sqlite3_stmt *s = db_stmt(db, rules[i].sql);
		enum err e = stmt_row(db, s);

		if (e == ERR_NOT_FOUND)
			continue;
		if (e) {
			db_explain(db, why);
			return e;
		}
		note_set(why, "%s (%lld)", rules[i].broken, (long long)stmt_get_int(s, 0));
		stmt_reset(s);
		return ERR_CORRUPT;
	}
	return ERR_OK;
}

enum err db_mail_check_files(struct db *db, bool (*each)(void *arg, struct span file, uint64_t size), void *arg)
{
	static const char sql[] = "SELECT file, body_size FROM meta WHERE file IS NOT NULL";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while (!(e = stmt_row(db, s))) {
		if (!each(arg, stmt_get_bytes(s, 0), (uint64_t)stmt_get_int(s, 1))) {
			stmt_reset(s);
			return ERR_CORRUPT;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
