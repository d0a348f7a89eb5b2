/* db/db.c: opening, migrating and closing database files, transactions, checkpoints.
 *
 * (1) A file is opened only through SQLite: POSIX locks belong to the process, and closing any other descriptor of the
 *     file would drop them. The one exception, making the empty file with mode 0600, happens before any handle can
 *     exist, under `creating`.
 * (2) The name of a new file is durable before its first transaction is; the same for the WAL beside it.
 * (3) A migration and its user_version are one transaction.
 */
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "db/handle.h"
#include "db/stmt.h"

#define BUSY_TIMEOUT_MS 2000
#define RESTART_TIMEOUT_MS 100
#define OTHER_TIMEOUT_MS 1000
#define STOP_EVERY 10000 /* steps of its machine: about a millisecond */

/* Set by a sync that failed. The kernel then holds the bytes as written that the disk never got: what a WAL seems to contain is copied into its
 * file before it is built upon. Rolled back in the same handle it is written over anyway. */
static atomic_bool sync_failed;

/* Guards the moment between making a file and closing our own descriptor of it. */
static pthread_mutex_t creating = PTHREAD_MUTEX_INITIALIZER;

enum err db_init(void)
{
	static bool done;

	if (done)
		return ERR_OK;
	/* Each allocation would take a global lock to be counted. */
	if (sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_MULTITHREAD) != SQLITE_OK ||
	    sqlite3_initialize() != SQLITE_OK)
		return ERR_TEMP;
	done = true;
	return ERR_OK;
}

static enum err constraint_error(int code)
{
	switch (code) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID: return ERR_EXISTS;
	case SQLITE_CONSTRAINT_FOREIGNKEY: return ERR_STATE;
	default: return ERR_CORRUPT;
	}
}

enum err db_error(int sqlite_code)
{
	if (sqlite_code == SQLITE_IOERR_FSYNC)
		atomic_store_explicit(&sync_failed, true, memory_order_relaxed);
	switch (sqlite_code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return ERR_OK;
	case SQLITE_CONSTRAINT: return constraint_error(sqlite_code);
	case SQLITE_TOOBIG: return ERR_LIMIT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR:
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
	case SQLITE_MISUSE: return ERR_CORRUPT;
	default: return ERR_TEMP; /* busy, full, I/O, memory, locks */
	}
}

bool db_is_busy(const struct db *db)
{
	return (sqlite3_errcode(db->sqlite) & 0xff) == SQLITE_BUSY;
}

bool db_is_damaged(const struct db *db)
{
	int code = sqlite3_errcode(db->sqlite) & 0xff;

	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

const char *db_path(const struct db *db)
{
	return db->path;
}

static int ask_stop(void *arg)
{
	const struct db *db = arg;

	return db->stop(db->stop_arg);
}

void db_set_stop(struct db *db, bool (*stop)(void *arg), void *arg)
{
	db->stop = stop;
	db->stop_arg = arg;
	sqlite3_progress_handler(db->sqlite, STOP_EVERY, stop ? ask_stop : NULL, db);
}

enum err db_quick_check(struct db *db, struct note *why)
{
	static const char sql[] = "PRAGMA quick_check(1)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e) {
		db_explain(db, why);
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	}
	if (!span_equals(stmt_get_bytes(s, 0), SPAN("ok"))) {
		note_set(why, "%s: %.*s", db->path, (int)stmt_get_bytes(s, 0).len, stmt_get_bytes(s, 0).ptr);
		e = ERR_CORRUPT;
	}
	stmt_reset(s);
	return e;
}

void db_explain(struct db *db, struct note *why)
{
	note_set(why, "%s: %s (%d)", db->path, sqlite3_errmsg(db->sqlite), sqlite3_extended_errcode(db->sqlite));
}

static enum err sync_parent(const char *path, struct note *why)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	enum err e = ERR_TEMP;
	int fd;

	if (!parent)
		return ERR_TEMP;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fsync(fd) == 0)
		e = ERR_OK;
	else
		note_set_errno(why, errno, "%s", parent);
	if (fd >= 0)
		(void)close(fd);
	free(parent);
	return e;
}

/* ERR_EXISTS: it was there. */
static enum err create_file(const char *path, struct note *why)
{
	enum err e = ERR_OK;
	int fd;

	pthread_mutex_lock(&creating);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		e = errno == EEXIST ? ERR_EXISTS : ERR_TEMP;
		if (e == ERR_TEMP)
			note_set_errno(why, errno, "%s", path);
	} else {
		(void)close(fd);
	}
	pthread_mutex_unlock(&creating);
	return e ? e : sync_parent(path, why);
}

static enum err wait_for_creator(const char *path, struct note *why)
{
	struct stat st;

	pthread_mutex_lock(&creating);
	pthread_mutex_unlock(&creating);
	if (stat(path, &st) == 0)
		return ERR_OK;
	note_set_errno(why, errno, "%s", path);
	return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_TEMP;
}

static int count_wal(void *arg, sqlite3 *sqlite, const char *name, int pages)
{
	struct db *db = arg;

	(void)sqlite;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static int set_flags(sqlite3 *sqlite)
{
	static const struct {
		int option, value;
	} options[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
		{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
	};
	int persist = 1;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		int code = sqlite3_db_config(sqlite, options[i].option, options[i].value, NULL);

		if (code)
			return code;
	}
	return sqlite3_file_control(sqlite, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
}

static enum err set_wal(struct db *db, struct note *why)
{
	static const char sql[] = "PRAGMA journal_mode=WAL";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e) {
		db_explain(db, why);
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	}
	if (!span_iequals(stmt_get_bytes(s, 0), SPAN("wal"))) {
		note_set(why, "%s: the file system has no shared memory for a write-ahead log", db->path);
		stmt_reset(s);
		return ERR_TEMP;
	}
	/* The name comes first, the change of the file after it: one that fails leaves a rollback journal, whose removal no sync makes durable. */
	e = stmt_run(db, s);
	if (e)
		db_explain(db, why);
	return e;
}

/* The cache may pass its size while a transaction's pages are dirty (no early writes below 16 MiB) and shrinks at
 * its end. Temporary structures and savepoint journals stay in memory: there may be no writable folder for them. */
static enum err set_pragmas(struct db *db, struct note *why)
{
	static const char common[] = "PRAGMA cache_size=-1024; PRAGMA cache_spill=4096; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
				     "PRAGMA journal_size_limit=8388608; PRAGMA secure_delete=FAST;";

	if (db_run_script(db, common, why) ||
	    db_run_script(db, db->schema->durability == DB_FULL ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", why) ||
	    (db->mode == DB_READ && db_run_script(db, "PRAGMA query_only=ON", why)))
		return db_error(sqlite3_extended_errcode(db->sqlite));
	return db->mode == DB_WRITE ? set_wal(db, why) : ERR_OK;
}

static enum err pragma_int(struct db *db, const char *sql, int64_t *out)
{
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	*out = stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

static enum err schema_version(struct db *db, int64_t *out)
{
	static const char sql[] = "PRAGMA user_version";

	return pragma_int(db, sql, out);
}

static enum err migrate_one(struct db *db, int64_t number, struct note *why)
{
	char set_version[64];
	enum err e;

	(void)snprintf(set_version, sizeof(set_version), "PRAGMA user_version=%lld", (long long)number);
	e = db_run_script(db, db->schema->migrations[number - 1], why);
	if (!e)
		e = db_run_script(db, set_version, why);
	return e;
}

static enum err migrate(struct db *db, struct note *why)
{
	int64_t version;
	enum err e = schema_version(db, &version);

	while (!e && version < (int64_t)db->schema->count) {
		e = db_begin(db);
		if (e)
			break;
		/* Another process may have been faster. */
		e = schema_version(db, &version);
		if (!e && version < (int64_t)db->schema->count)
			e = migrate_one(db, ++version, why);
		if (!e)
			e = db_commit(db);
		else
			db_rollback(db);
	}
	return e;
}

static enum err check_reader(struct db *db, struct note *why)
{
	int64_t version;
	enum err e = schema_version(db, &version);

	if (e || version >= (int64_t)db->schema->count)
		return e;
	note_set(why, "%s: schema %lld is older than %zu and no writer has opened it yet", db->path, (long long)version, db->schema->count);
	return ERR_STATE;
}

static enum err open_sqlite(struct db *db, struct note *why)
{
	int code = sqlite3_open_v2(db->path, &db->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	enum err e;

	if (!db->sqlite)
		return ERR_TEMP;
	if (!code)
		code = sqlite3_busy_timeout(db->sqlite, BUSY_TIMEOUT_MS);
	if (!code)
		code = set_flags(db->sqlite);
	if (code) {
		db_explain(db, why);
		return db_error(code);
	}
	(void)sqlite3_wal_hook(db->sqlite, count_wal, db); /* also ends automatic checkpoints */
	e = set_pragmas(db, why);
	if (!e && db->mode == DB_WRITE && atomic_load_explicit(&sync_failed, memory_order_relaxed))
		e = db_error(sqlite3_wal_checkpoint_v2(db->sqlite, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
	if (e)
		return e;
	e = db->mode == DB_READ ? check_reader(db, why) : migrate(db, why);
	if (e && why && !why->text[0])
		db_explain(db, why);
	return e;
}

static bool wal_exists(const char *path)
{
	char *wal;
	bool exists;

	if (asprintf(&wal, "%s-wal", path) < 0)
		return false;
	exists = access(wal, F_OK) == 0;
	free(wal);
	return exists;
}

enum err db_open(const char *path, const struct db_schema *schema, enum db_mode mode, struct db **out, struct note *why)
{
	struct db *db;
	const bool has_wal = mode == DB_READ || wal_exists(path);
	enum err e = mode == DB_READ ? wait_for_creator(path, why) : create_file(path, why);

	*out = NULL;
	if (e && e != ERR_EXISTS)
		return e;
	db = calloc(1, sizeof(*db));
	if (!db)
		return ERR_TEMP;
	db->path = strdup(path);
	db->schema = schema;
	db->mode = mode;
	if (why)
		why->text[0] = '\0';
	e = db->path ? open_sqlite(db, why) : ERR_TEMP;
	/* SQLite syncs the folder for the name of a new WAL, but does not look whether that worked. */
	if (!e && !has_wal)
		e = sync_parent(path, why);
	if (e)
		db_close(&db);
	*out = db;
	return e;
}

void db_close(struct db **db)
{
	struct db *d = *db;

	if (!d)
		return;
	for (size_t i = 0; i < d->cache_size; i++)
		(void)sqlite3_finalize(d->cache[i].stmt);
	free(d->cache);
	(void)sqlite3_close(d->sqlite);
	free(d->path);
	free(d);
	*db = NULL;
}

enum err db_begin(struct db *db)
{
	static const char write_sql[] = "BEGIN IMMEDIATE", read_sql[] = "BEGIN";

	return stmt_run(db, db_stmt(db, db->mode == DB_WRITE ? write_sql : read_sql));
}

enum err db_commit(struct db *db)
{
	static const char sql[] = "COMMIT";
	enum err e = stmt_run(db, db_stmt(db, sql));

	if (e)
		db_rollback(db);
	return e;
}

void db_rollback(struct db *db)
{
	static const char sql[] = "ROLLBACK";

	/* When it fails SQLite has rolled back by itself, or does so when the handle is next used. */
	if (db_in_transaction(db) && stmt_run(db, db_stmt(db, sql)))
		return;
}

bool db_in_transaction(const struct db *db)
{
	return sqlite3_get_autocommit(db->sqlite) == 0;
}

enum err db_part_begin(struct db *db)
{
	static const char sql[] = "SAVEPOINT part";

	return stmt_run(db, db_stmt(db, sql));
}

enum err db_part_end(struct db *db, bool keep)
{
	static const char back[] = "ROLLBACK TO part", release[] = "RELEASE part";
	enum err e = keep ? ERR_OK : stmt_run(db, db_stmt(db, back));

	return e ? e : stmt_run(db, db_stmt(db, release));
}

/* Waits for readers, shortly, and for a checkpoint that another thread is at: SQLite turns us away from that at once,
 * and does not say how much there is. */
static int checkpoint_restart(sqlite3 *sqlite, int *log, int *copied)
{
	static const struct timespec pause = { 0, 1000000 };
	int64_t until_ms = clock_mono_ms() + OTHER_TIMEOUT_MS;
	int code;

	(void)sqlite3_busy_timeout(sqlite, RESTART_TIMEOUT_MS);
	for (;;) {
		*log = -1;
		code = sqlite3_wal_checkpoint_v2(sqlite, "main", SQLITE_CHECKPOINT_RESTART, log, copied);
		if ((code & 0xff) != SQLITE_BUSY || *log >= 0 || clock_mono_ms() >= until_ms)
			break;
		(void)nanosleep(&pause, NULL);
	}
	(void)sqlite3_busy_timeout(sqlite, BUSY_TIMEOUT_MS);
	return code;
}

enum err db_checkpoint(struct db *db, int min_pages, int *pages_out)
{
	int log = -1, copied = -1, code;

	*pages_out = db->wal_pages;
	if (min_pages > 0 && db->wal_pages <= min_pages)
		return ERR_OK;
	/* PASSIVE alone lets the WAL begin anew only when no reader is in the middle of it at that moment. */
	if (db->mode == DB_WRITE && db->wal_pages > DB_WAL_RESTART_PAGES)
		code = checkpoint_restart(db->sqlite, &log, &copied);
	else
		code = sqlite3_wal_checkpoint_v2(db->sqlite, "main", SQLITE_CHECKPOINT_PASSIVE, &log, &copied);
	if (log >= 0 && copied >= 0)
		*pages_out = log - copied;
	return db_error(code);
}
