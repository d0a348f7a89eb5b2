/* store/check.c: the rules of mail.db and of files/ together. */
#include "daemon/store/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/store/files.h"
#include "daemon/store/mailstore.h"
#include "db/mail_check.h"
#include "db/mail_message.h"

struct checking {
	struct mailstore *m;
	struct db *db;
	struct note *why;
};

static bool check_file(void *arg, struct span file, uint64_t size)
{
	const struct checking *c = arg;
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
	const struct checking *c = arg;
	bool known;
	enum err e = db_content_has_file(c->db, span_str(name), &known);

	if (e || known)
		return e;
	note_set(c->why, "%s/%s: no row names it", c->m->files_dir, name);
	return ERR_CORRUPT;
}

enum err store_check(struct mailstore *m, struct note *why)
{
	struct checking c = { m, NULL, why };
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
