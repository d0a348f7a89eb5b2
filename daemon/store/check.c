/* store/check.c: one account from its pages to its search index.
 *
 *   pages ──▶ rows, with their files ──▶ mailboxes ──▶ files without a row ──▶ ledger ──▶ search index
 */
#include "daemon/store/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/base/clock.h"
#include "daemon/mime/parts.h"
#include "daemon/store/check_files.h"
#include "daemon/store/check_ledger.h"
#include "daemon/store/check_mailboxes.h"
#include "daemon/store/check_rows.h"
#include "daemon/store/check_search.h"
#include "daemon/store/files.h"
#include "db/mail_message.h"

#define SCRATCH_MAX (16u * 1024u * 1024u)
#define PAGES_CHECKED_MAX (INT64_C(2) << 30) /* SQLite's own check of a table cannot be cut in slices; in larger files the walks read what there is */

static bool must_stop(void *arg)
{
	return check_must_stop(arg);
}

/* ---- pages ---- */

struct pages {
	struct checking *c;
	const char *table;
	bool is_index;
};

static void tell_page(void *arg, struct span words, bool is_index)
{
	struct pages *p = arg;

	if (is_index)
		p->is_index = true; /* told once, with its repair */
	else
		check_tell(p->c, CHECK_PAGES, false, NULL, arena_printf(&p->c->scratch, "table %s: %.*s", p->table, (int)(words.len < 300 ? words.len : 300), words.ptr));
}

static enum err reindex(struct db *db, struct check_repair *r)
{
	enum err e = db_mail_reindex(db, r->arg);

	r->is_done = !e;
	return e;
}

static enum err check_pages(struct checking *c)
{
	struct pages p = { .c = c };
	struct stat st;
	enum err e = ERR_OK;

	if (stat(c->m->db_path, &st) != 0 || (int64_t)st.st_size > PAGES_CHECKED_MAX)
		return ERR_OK;
	for (size_t i = 0; !e; i++) {
		bool repaired = false;

		p.is_index = false;
		e = db_mail_check_pages(c->db, i, &p.table, tell_page, &p);
		if (e == ERR_TEMP && check_must_stop(c))
			return ERR_STATE;
		if (e == ERR_CORRUPT) {
			check_tell(c, CHECK_PAGES, false, NULL, arena_printf(&c->scratch, "table %s cannot be read", p.table));
			e = ERR_OK;
		}
		if (p.is_index && c->options->repairs)
			check_write(c, reindex, p.table, &repaired);
		if (p.is_index)
			check_tell(c, CHECK_INDEX, repaired, NULL, arena_printf(&c->scratch, "table %s", p.table));
		if (!e)
			e = check_rest(c);
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* ---- all of it ---- */

static enum err run(struct checking *c)
{
	enum err e;

	db_set_stop(c->db, must_stop, c);
	e = check_pages(c);
	if (!e)
		e = check_rows(c);
	if (!e)
		e = check_mailboxes(c);
	if (!e)
		e = check_files_left(c);
	if (!e)
		e = check_ledger(c);
	if (!e)
		e = check_search(c);
	db_set_stop(c->db, NULL, NULL);
	return e;
}

enum err store_check_account(struct mailstore *m, const struct check_options *options, struct check_report *report, struct note *why)
{
	struct checking c = { .m = m, .options = options, .report = report };
	const int64_t began_ms = clock_mono_ms();
	enum err e;

	atomic_store_explicit(&m->is_unwanted, false, memory_order_relaxed);
	e = mailstore_reader_take(m, &c.db);
	if (e) {
		note_set(why, "%s: %s", m->db_path, err_name(e));
		return e;
	}
	arena_init(&c.scratch, SCRATCH_MAX);
	c.slice_us = clock_mono_us();
	e = run(&c);
	if (e == ERR_TEMP && check_must_stop(&c)) /* in the middle of a statement */
		e = ERR_STATE;
	if (e && e != ERR_STATE)
		db_explain(c.db, why);
	else if (e)
		note_set(why, "interrupted");
	arena_clear(&c.scratch);
	mailstore_reader_give(m, &c.db);
	report->took_ms = clock_mono_ms() - began_ms;
	report->is_whole = !e;
	return e;
}

struct plain_check {
	struct mailstore *m;
	struct db *db;
	struct note *why;
};

static bool check_file(void *arg, struct span file, uint64_t size)
{
	const struct plain_check *c = arg;
	struct stat st;
	char *path = NULL;
	bool is_good;

	if (asprintf(&path, "%s/%.*s", c->m->files_dir, (int)file.len, file.ptr) < 0)
		return false;
	is_good = stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
	if (!is_good)
		note_set(c->why, "%s: missing or not %" PRIu64 " bytes", path, size);
	free(path);
	return is_good;
}

static enum err check_name(void *arg, const char *name)
{
	const struct plain_check *c = arg;
	bool known;
	enum err e = db_content_has_file(c->db, span_str(name), &known);

	if (e || known)
		return e;
	note_set(c->why, "%s/%s: no row names it", c->m->files_dir, name);
	return ERR_CORRUPT;
}

enum err store_check(struct mailstore *m, struct note *why)
{
	struct plain_check c = { m, NULL, why };
	enum err e = mailstore_reader_take(m, &c.db);

	if (e)
		return e;
	e = db_begin(c.db);
	if (!e)
		e = db_mail_check(c.db, why);
	if (!e)
		e = db_mail_check_files(c.db, check_file, &c);
	if (!e)
		e = files_each(m->files_dir, check_name, &c);
	mailstore_reader_give(m, &c.db);
	return e;
}
