/* db/read_ahead.c: a layer over SQLite's own VFS.
 *
 *   pages one behind the other ──▶ a window is read: 16 KiB, then twice as much each time, 128 KiB at most ──▶ pages out of the window
 *
 * (1) Only the main file of a database in WAL mode is read so; its WAL is the VFS's own file.
 * (2) A window is forgotten with each lock in the shared memory: a reading transaction begins with one. Within a transaction no checkpoint changes a
 *     page that this reader takes from the file: it stops at what the reader sees, and what lies in the WAL before that is read from there.
 * (3) Everything but a page that follows another goes to the VFS.
 */
#include "db/read_ahead.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MIN 512
#define WINDOW_MIN (16 * 1024)
#define WINDOW_MAX (128 * 1024)
#define RUN_LENGTH 2 /* pages in a row before a window is read */

struct file {
	sqlite3_file base; /* first: SQLite sees this */
	sqlite3_file *real;
	unsigned run;       /* pages that were read one behind the other */
	sqlite3_int64 next; /* where the last one ended */
	char *window;       /* null until it is wanted */
	sqlite3_int64 start;
	int length, size; /* of what it holds, and of the next one */
};

static sqlite3_vfs *usual; /* set once before threads start */
static sqlite3_vfs own;

static struct file *file_of(sqlite3_file *f)
{
	return (struct file *)f;
}

static void forget(struct file *f)
{
	f->length = 0;
	f->run = 0;
	f->size = WINDOW_MIN;
}

static int on_close(sqlite3_file *base)
{
	struct file *f = file_of(base);

	free(f->window);
	f->window = NULL;
	return f->real->pMethods->xClose(f->real);
}

static bool is_in_window(const struct file *f, int size, sqlite3_int64 offset)
{
	return f->length && offset >= f->start && offset + size <= f->start + f->length;
}

/* False: the usual way must do. What can't be read is not an error here: it will be one when it is asked for. */
static bool fill(struct file *f, int page, sqlite3_int64 offset)
{
	sqlite3_int64 end;
	int wanted;

	if (!f->window)
		f->window = malloc(WINDOW_MAX);
	if (!f->window || f->real->pMethods->xFileSize(f->real, &end) != SQLITE_OK || offset >= end)
		return false;
	wanted = end - offset < f->size ? (int)(end - offset) : f->size;
	f->length = 0;
	if (wanted < page || f->real->pMethods->xRead(f->real, f->window, wanted, offset) != SQLITE_OK)
		return false;
	f->start = offset;
	f->length = wanted;
	f->size = f->size * 2 < WINDOW_MAX ? f->size * 2 : WINDOW_MAX;
	return true;
}

static int on_read(sqlite3_file *base, void *to, int size, sqlite3_int64 offset)
{
	struct file *f = file_of(base);

	if (size < PAGE_MIN || offset % size)
		return f->real->pMethods->xRead(f->real, to, size, offset);
	if (offset == f->next) {
		f->run++;
	} else if (!is_in_window(f, size, offset)) {
		f->run = 0;
		f->size = WINDOW_MIN;
	}
	f->next = offset + size;
	if (!is_in_window(f, size, offset) && (f->run < RUN_LENGTH || !fill(f, size, offset)))
		return f->real->pMethods->xRead(f->real, to, size, offset);
	memcpy(to, f->window + (offset - f->start), (size_t)size);
	return SQLITE_OK;
}

static int on_shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
	struct file *f = file_of(base);

	if (flags & SQLITE_SHM_LOCK)
		forget(f);
	return f->real->pMethods->xShmLock(f->real, offset, n, flags);
}

/* ---- what is only passed on ---- */

static int on_write(sqlite3_file *base, const void *from, int size, sqlite3_int64 offset)
{
	struct file *f = file_of(base);

	forget(f);
	return f->real->pMethods->xWrite(f->real, from, size, offset);
}

static int on_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct file *f = file_of(base);

	forget(f);
	return f->real->pMethods->xTruncate(f->real, size);
}

static int on_sync(sqlite3_file *base, int flags)
{
	return file_of(base)->real->pMethods->xSync(file_of(base)->real, flags);
}

static int on_file_size(sqlite3_file *base, sqlite3_int64 *out)
{
	return file_of(base)->real->pMethods->xFileSize(file_of(base)->real, out);
}

static int on_lock(sqlite3_file *base, int level)
{
	forget(file_of(base));
	return file_of(base)->real->pMethods->xLock(file_of(base)->real, level);
}

static int on_unlock(sqlite3_file *base, int level)
{
	return file_of(base)->real->pMethods->xUnlock(file_of(base)->real, level);
}

static int on_check_reserved(sqlite3_file *base, int *out)
{
	return file_of(base)->real->pMethods->xCheckReservedLock(file_of(base)->real, out);
}

static int on_control(sqlite3_file *base, int what, void *arg)
{
	return file_of(base)->real->pMethods->xFileControl(file_of(base)->real, what, arg);
}

static int on_sector_size(sqlite3_file *base)
{
	return file_of(base)->real->pMethods->xSectorSize(file_of(base)->real);
}

static int on_device(sqlite3_file *base)
{
	return file_of(base)->real->pMethods->xDeviceCharacteristics(file_of(base)->real);
}

static int on_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **out)
{
	return file_of(base)->real->pMethods->xShmMap(file_of(base)->real, page, size, extend, out);
}

static void on_shm_barrier(sqlite3_file *base)
{
	file_of(base)->real->pMethods->xShmBarrier(file_of(base)->real);
}

static int on_shm_unmap(sqlite3_file *base, int remove)
{
	return file_of(base)->real->pMethods->xShmUnmap(file_of(base)->real, remove);
}

/* Version 2: no mapped pages. */
static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = on_close,
	.xRead = on_read,
	.xWrite = on_write,
	.xTruncate = on_truncate,
	.xSync = on_sync,
	.xFileSize = on_file_size,
	.xLock = on_lock,
	.xUnlock = on_unlock,
	.xCheckReservedLock = on_check_reserved,
	.xFileControl = on_control,
	.xSectorSize = on_sector_size,
	.xDeviceCharacteristics = on_device,
	.xShmMap = on_shm_map,
	.xShmLock = on_shm_lock,
	.xShmBarrier = on_shm_barrier,
	.xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *flags_out)
{
	struct file *f = file_of(base);
	int code;

	(void)vfs;
	if (!(flags & SQLITE_OPEN_MAIN_DB))
		return usual->xOpen(usual, name, base, flags, flags_out);
	memset(f, 0, sizeof(*f));
	f->real = (sqlite3_file *)(f + 1);
	code = usual->xOpen(usual, name, f->real, flags, flags_out);
	if (f->real->pMethods)
		f->base.pMethods = &methods;
	forget(f);
	return code;
}

const char *read_ahead_register(void)
{
	usual = sqlite3_vfs_find(NULL);
	if (!usual || usual->iVersion < 2)
		return NULL;
	own = *usual; /* paths, time and randomness are its own */
	own.pNext = NULL;
	own.zName = "postroom-read";
	own.szOsFile = (int)sizeof(struct file) + usual->szOsFile;
	own.xOpen = on_open;
	return sqlite3_vfs_register(&own, 0) == SQLITE_OK ? own.zName : NULL;
}
