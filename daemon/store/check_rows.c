/* store/check_rows.c: walks through the rows, with the files that they name.
 *
 *   slice of SLICE rows ──▶ notes of what is wrong ──▶ repaired, or told ──▶ rest
 *      └─ a page that cannot be read ──▶ the same rows one by one; the row itself is told, or where not even its place can be read the walk ends
 */
#include "daemon/store/check_rows.h"

#include <inttypes.h>
#include <stdlib.h>

#include "daemon/mime/parts.h"
#include "daemon/store/check_files.h"
#include "daemon/store/check_parts.h"
#include "daemon/store/files.h"
#include "daemon/store/thread.h"
#include "db/mail_message.h"

#define SLICE 200
#define BIT(fault) (UINT64_C(1) << (fault))
/* Told of the mailbox or the account, with one repair for all its messages (check_mailboxes.c). */
#define TOLD_ONCE (BIT(MAIL_UID_AHEAD) | BIT(MAIL_MODSEQ_AHEAD) | BIT(MAIL_CONTENT_AHEAD))

/* Of a row that is not as it should be. */
struct note_of_row {
	uint64_t faults; /* bits, also those of check_fault */
	struct mail_place place;
	uint64_t mailbox, content;
	uint32_t uid;
	char file[DB_CONTENT_FILE_MAX];
};

struct slice {
	struct checking *c;
	enum mail_walk walk;
	struct note_of_row *notes;
	size_t count, rows;
};

static uint64_t look_at_parts(struct checking *c, const struct mail_checked *row)
{
	struct mime_message mime;
	enum err e = mime_parts_decode(row->parts, &c->scratch, &mime);

	arena_reset(&c->scratch);
	return e == ERR_CORRUPT ? BIT(CHECK_PARTS) : 0;
}

static bool take_row(void *arg, const struct mail_checked *row)
{
	struct slice *s = arg;
	uint64_t faults = row->faults;
	struct note_of_row *n;

	s->rows++;
	s->c->content_ahead |= (faults & BIT(MAIL_CONTENT_AHEAD)) != 0;
	if (s->walk == MAIL_METAS) {
		faults |= look_at_parts(s->c, row);
		if (row->file.len)
			faults |= BIT(check_file_look(s->c, row->file, row->body_size)) & ~BIT(CHECK_FAULT_COUNT);
		s->c->report->files += row->file.len > 0;
	}
	if (!(faults & ~TOLD_ONCE) || s->count == SLICE)
		return !check_must_stop(s->c);
	n = &s->notes[s->count++];
	*n = (struct note_of_row){ faults & ~TOLD_ONCE, row->place, row->mailbox, row->content, row->uid, "" };
	if (row->file.len && row->file.len < sizeof(n->file))
		memcpy(n->file, row->file.ptr, row->file.len);
	return !check_must_stop(s->c);
}

/* ---- repairs ---- */

static enum err repair_row(struct db *db, struct check_repair *r)
{
	const struct note_of_row *n = r->arg;

	if (n->faults & BIT(MAIL_SIZE))
		return db_mail_repair_content(db, MAIL_SIZE, n->content, &r->is_done);
	if (n->faults & BIT(MAIL_THREAD))
		return db_mail_repair_content(db, MAIL_THREAD, n->content, &r->is_done);
	return db_mail_repair_key(db, &n->place, &r->is_done);
}

static enum err forget_words(void *arg, uint64_t content, struct span message_id, struct span refs)
{
	return thread_leave(arg, content, message_id, refs);
}

static enum err drop_content(struct db *db, struct check_repair *r)
{
	const struct note_of_row *n = r->arg;
	struct db_content_gone gone;
	bool more = false;
	enum err e = db_content_release(db, n->content, forget_words, db, &gone);

	/* A content without its meta, whose row went with that just now, and the other way round. */
	if (e == ERR_CORRUPT || (!e && !gone.removed)) {
		const bool went = e == ERR_CORRUPT;

		e = db_mail_drop_content(db, n->content, &more);
		more = more || went;
	}
	r->is_done = !e && (gone.removed || more);
	return e;
}

/* False: it was gone when it was looked at again, so it never was wrong. */
static bool settle_garbage(struct checking *c, const struct note_of_row *n, int fault, bool *repaired_out)
{
	bool is_named = true;

	*repaired_out = false;
	/* A file that was being written when the account was opened is nobody's by now; what came since is left to the next opening. */
	if (!c->options->repairs || n->content > c->m->open_content)
		return true;
	check_write(c, drop_content, n, repaired_out);
	/* Rows that are wrong may name a file that is also another's. */
	if (*repaired_out && n->file[0] && db_content_has_file(c->db, span_str(n->file), &is_named) == ERR_OK && !is_named)
		files_remove(c->m->files_dir, n->file);
	return *repaired_out || fault != MAIL_NOT_NAMED;
}

/* False: it is as it should be by now. */
static bool repair(struct checking *c, const struct note_of_row *n, int fault, bool *repaired_out)
{
	struct note_of_row one = *n;

	one.faults = BIT(fault);
	*repaired_out = false;
	if (fault == MAIL_NOT_NAMED || fault == MAIL_CONTENT_ALONE)
		return settle_garbage(c, n, fault, repaired_out);
	/* Its message may have been expunged between the row and the file. */
	if (fault >= CHECK_FILE_MISSING && fault <= CHECK_FILE_UNREADABLE)
		return check_file_is_named(c, n->file);
	if (!c->options->repairs)
		return true;
	if (fault == CHECK_PARTS)
		check_parts_rebuild(c, n->content, repaired_out);
	else if (BIT(fault) & (BIT(MAIL_SIZE) | BIT(MAIL_THREAD) | BIT(MAIL_KEY_LEFT) | BIT(MAIL_KEY_WRONG)))
		check_write(c, repair_row, &one, repaired_out);
	return true;
}

static void settle_one(struct checking *c, const struct note_of_row *n, int fault)
{
	struct mail_where where;
	bool repaired;

	if (!repair(c, n, fault, &repaired))
		return;
	if (n->mailbox && db_mail_where_uid(c->db, n->mailbox, n->uid, &c->scratch, &where) == ERR_OK)
		check_tell(c, fault, repaired, &where, where.name.len ? SPAN("") : arena_printf(&c->scratch, "mailbox number %" PRIu64, n->mailbox));
	else
		check_tell_content(c, fault, repaired, n->content, span_str(n->file));
}

static void settle(struct checking *c, const struct note_of_row *n)
{
	uint64_t faults = n->faults;

	/* Nobody can ask for it: what else is wrong with it does not matter. */
	if (faults & BIT(MAIL_NOT_NAMED))
		faults = BIT(MAIL_NOT_NAMED);
	for (int i = 0; i < CHECK_FAULT_COUNT; i++)
		if (faults & BIT(i))
			settle_one(c, n, i);
}

/* ---- slices ---- */

static enum err run_slice(struct slice *s, const struct mail_place *from, const struct mail_place *to)
{
	enum err e;

	s->count = s->rows = 0;
	e = db_mail_walk(s->c->db, s->walk, from, to, true, take_row, s);
	if (e == ERR_TEMP && check_must_stop(s->c))
		return ERR_STATE;
	if (e == ERR_OK) {
		for (size_t i = 0; i < s->count; i++)
			settle(s->c, &s->notes[i]);
		if (s->walk == MAIL_METAS)
			s->c->report->contents += s->rows;
	}
	return e ? e : check_rest(s->c);
}

static void tell_unreadable(struct slice *s, const struct mail_place *at)
{
	struct mail_where where = { (uint64_t)at->major, (uint32_t)at->minor, SPAN(""), SPAN(""), SPAN("") };

	if (s->walk == MAIL_METAS || s->walk == MAIL_CONTENTS)
		check_tell_content(s->c, CHECK_UNREADABLE, false, (uint64_t)at->major, SPAN(""));
	else
		check_tell(s->c, CHECK_UNREADABLE, false, s->walk == MAIL_MESSAGES ? &where : NULL, SPAN(""));
}

/* Up to `to`, one by one. */
static enum err run_damaged(struct slice *s, const struct mail_place *from, const struct mail_place *to)
{
	struct mail_place at = *from, next;
	enum err e = ERR_OK;

	while (!e && (at.major < to->major || (at.major == to->major && at.minor < to->minor))) {
		e = db_mail_walk_next(s->c->db, s->walk, &at, 1, &next);
		if (e)
			break;
		e = run_slice(s, &at, &next);
		if (e == ERR_CORRUPT) {
			tell_unreadable(s, &next);
			e = check_rest(s->c);
		}
		at = next;
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err run_walk(struct slice *s)
{
	static const char *const names[MAIL_WALK_COUNT] = { "message", "meta", "content", "thread_key" };
	struct mail_place from = mail_place_first, to;
	enum err e;

	while (!(e = db_mail_walk_next(s->c->db, s->walk, &from, SLICE, &to))) {
		e = run_slice(s, &from, &to);
		if (e == ERR_CORRUPT)
			e = run_damaged(s, &from, &to);
		if (e)
			break;
		from = to;
	}
	if (e == ERR_CORRUPT) {
		check_tell(s->c, CHECK_PAGES, false, NULL, arena_printf(&s->c->scratch, "table %s cannot be read to its end", names[s->walk]));
		e = check_rest(s->c);
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err check_rows(struct checking *c)
{
	struct slice s = { .c = c };
	enum err e = ERR_OK;

	s.notes = calloc(SLICE, sizeof(*s.notes));
	if (!s.notes)
		return ERR_TEMP;
	for (int walk = 0; walk < MAIL_WALK_COUNT && !e; walk++) {
		s.walk = (enum mail_walk)walk;
		e = run_walk(&s);
	}
	free(s.notes);
	return e;
}
