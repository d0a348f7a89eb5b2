/* ops/ground.c: folders, privileges, lock, key.
 *
 * (1) The lock is taken before control.db is opened and given back after it is closed.
 * (2) As root with `user` set, the key and the folders are given to that user: it must be able to open them after the drop.
 * (3) A control.db that is older than the mailboxes (put back alone) or new beside them does not know all their accounts: no number of a folder is ever
 *     given to a new account, for whoever gets the number gets the mail.
 */
#include "daemon/ops/ground.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/store/store.h"
#include "db/control_account.h"

#define LOCK_WAIT_MS 5000

/* The user to become; null when there is none or we are not root. */
static const struct passwd *other_user(const struct config *c)
{
	return c->user && geteuid() == 0 ? getpwnam(c->user) : NULL;
}

static enum err make_dir(const char *path, mode_t mode, const struct passwd *owner, struct note *why)
{
	struct stat st;

	if (mkdir(path, mode) == 0) {
		if (owner && chown(path, owner->pw_uid, owner->pw_gid) != 0) {
			note_set_errno(why, errno, "%s", path);
			return ERR_DENIED;
		}
		return ERR_OK;
	}
	if (errno != EEXIST) {
		note_set_errno(why, errno, "%s", path);
		return ERR_DENIED;
	}
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		note_set(why, "%s: not a folder", path);
		return ERR_DENIED;
	}
	return ERR_OK;
}

enum err ground_prepare(const struct config *c, struct note *why)
{
	const struct passwd *owner = other_user(c);
	enum err e = make_dir(c->data_dir, 0700, owner, why);

	return e == ERR_OK ? make_dir(c->run_dir, 0755, owner, why) : e;
}

enum err ground_drop_privileges(const struct config *c, struct note *why)
{
	const struct passwd *to = other_user(c);

	if (!to || to->pw_uid == 0)
		return ERR_OK;
	if (initgroups(c->user, to->pw_gid) != 0 || setgid(to->pw_gid) != 0 || setuid(to->pw_uid) != 0) {
		note_set_errno(why, errno, "becoming user %s", c->user);
		return ERR_DENIED;
	}
	return ERR_OK;
}

/* A daemon that waits for setup looks into the folder for moments: a command waits that long for its turn. */
static bool lock_file(int fd, bool patient)
{
	int64_t until = clock_mono_ms() + (patient ? LOCK_WAIT_MS : 0);

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (clock_mono_ms() >= until)
			return false;
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	return true;
}

static enum err take_lock(const struct config *c, bool patient, int *fd_out, struct note *why)
{
	struct arena a;
	const char *path;
	int fd = -1;
	enum err e = ERR_OK;

	arena_init(&a, 8192);
	if (span_cstr(&a, arena_printf(&a, "%s/lock", c->data_dir), &path) != ERR_OK) {
		e = ERR_LIMIT;
	} else {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0) {
			note_set_errno(why, errno, "%s", path);
			e = ERR_DENIED;
		} else if (!lock_file(fd, patient)) {
			note_set(why, "%s is in use by another postroom process", c->data_dir);
			close(fd);
			e = ERR_STATE;
		}
	}
	arena_clear(&a);
	if (e == ERR_OK)
		*fd_out = fd;
	return e;
}

/* Data that was sealed with a key that is gone: neither a fresh start nor a new key would be right. */
static bool has_data(const struct config *c)
{
	struct arena a;
	const char *path;
	struct stat st;
	bool has;

	arena_init(&a, 8192);
	has = span_cstr(&a, arena_printf(&a, "%s/control.db", c->data_dir), &path) == ERR_OK && stat(path, &st) == 0;
	arena_clear(&a);
	return has;
}

static enum err read_key(const struct config *c, bool create, struct seal_key *out, struct note *why)
{
	const struct passwd *owner = other_user(c);
	enum err e = seal_key_read(c->secret_key, out, why);

	if (e != ERR_NOT_FOUND)
		return e;
	if (has_data(c)) {
		note_set(why, "%s is missing, and the data in %s can't be read without it: put it back", c->secret_key, c->data_dir);
		return ERR_CORRUPT;
	}
	if (!create)
		return e;
	e = seal_key_create(c->secret_key, out, why);
	if (e == ERR_OK && owner && chown(c->secret_key, owner->pw_uid, owner->pw_gid) != 0) {
		note_set_errno(why, errno, "%s", c->secret_key);
		e = ERR_DENIED;
	}
	return e;
}

struct skipping {
	uint64_t last;
	bool raised;
};

static enum err run_skip(struct db *db, void *arg)
{
	struct skipping *s = arg;

	return db_account_skip_ids(db, s->last, &s->raised);
}

static enum err skip_numbers_of_folders(const char *accounts_dir, struct directory *d, struct note *why)
{
	struct skipping s = { 0 };
	enum err e = store_last_account(accounts_dir, &s.last);

	if (e)
		note_set(why, "%s: %s", accounts_dir, err_name(e));
	else if (s.last > 0)
		e = directory_write(d, run_skip, &s, why);
	if (s.raised)
		log_event(LOG_WARN, "ops", "mailboxes_of_nobody", "folder=%s/%" PRIu64 " no account of control.db was ever given this number", accounts_dir, s.last);
	return e;
}

static enum err open_directory(const struct config *c, const struct seal_key *key, struct checkpointer *checkpointer, struct directory **out, struct note *why)
{
	struct directory_config directory = { .key = key, .checkpointer = checkpointer };
	const char *accounts_dir;
	struct arena a;
	enum err e;

	arena_init(&a, 8192);
	e = span_cstr(&a, arena_printf(&a, "%s/control.db", c->data_dir), &directory.path);
	if (!e)
		e = span_cstr(&a, arena_printf(&a, "%s/accounts", c->data_dir), &accounts_dir);
	if (!e)
		e = directory_open(&directory, out, why);
	if (!e)
		e = skip_numbers_of_folders(accounts_dir, *out, why);
	arena_clear(&a);
	return e;
}

/* Drops privileges between the key, whose folder root may own, and the data, which the user must own. */
enum err ground_open(const struct config *c, bool create, struct checkpointer *checkpointer, struct ground *out, struct note *why)
{
	enum err e;

	*out = (struct ground){ .lock_fd = -1 };
	e = read_key(c, create, &out->key, why);
	if (e == ERR_OK)
		e = ground_drop_privileges(c, why);
	if (e == ERR_OK)
		e = take_lock(c, create, &out->lock_fd, why);
	if (e == ERR_OK)
		e = open_directory(c, &out->key, checkpointer, &out->directory, why);
	if (e != ERR_OK)
		ground_close(out);
	return e;
}

void ground_close(struct ground *g)
{
	directory_close(&g->directory);
	if (g->lock_fd >= 0)
		close(g->lock_fd);
	seal_key_wipe(&g->key);
	*g = (struct ground){ .lock_fd = -1 };
}
