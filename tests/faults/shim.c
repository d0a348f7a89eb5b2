/* tests/faults/shim.c: preloaded into the daemon; counts what changes files below one folder, and can stop, fail or forget.
 *
 * POSTROOM_FAULT_ROOT    the folder (data_dir), absolute
 * POSTROOM_FAULT_CONTROL a file of struct control, mapped by the test and by us
 * POSTROOM_FAULT_JOURNAL every counted operation with its bytes, for rebuilding what a power cut would have left
 *
 * One mutex orders everything: an operation and its journal entry are one step. A sync that is made to fail is in the journal too:
 * what was not written by then will not be by a later sync (the kernel forgets that the pages were dirty). Not counted are SQLite's -shm files, which
 * hold no data that outlives the machine, and search.db, which is made from mail.db, a while behind it and anew when it is lost.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum action { ACT_NONE = 0,
	      ACT_KILL = 1,
	      ACT_FAIL_ONCE = 2,
	      ACT_FAIL_FROM = 3,
	      ACT_DROP_SYNC = 4 };

/* The test writes action, at and error while armed is 0; we write the rest. */
struct control {
	uint32_t armed;  /* counting and acting */
	uint32_t action; /* enum action */
	uint32_t at;     /* operation number, from 1 (ACT_DROP_SYNC: number of the sync) */
	uint32_t error;  /* errno of a failing operation */
	uint32_t count;  /* operations since armed */
	uint32_t syncs;  /* of them fsync and fdatasync */
	uint32_t hits;   /* operations that were made to fail, or syncs dropped */
	uint32_t hold;   /* once so many syncs are done every further operation waits; 0: never */
	uint32_t where;  /* enum where: what is counted */
	uint32_t synced; /* syncs that have ended, as they should or dropped */
};

enum where { WHERE_ANY = 0,
	     WHERE_DATABASE = 1 }; /* *.db itself, not its WAL: what a checkpoint writes */

enum op { OP_WRITE = 1,
	  OP_TRUNCATE,
	  OP_CREATE,
	  OP_LINK,
	  OP_RENAME,
	  OP_UNLINK,
	  OP_MKDIR,
	  OP_RMDIR,
	  OP_SYNC,
	  OP_SYNC_DIR,
	  OP_SYNC_FAILED };

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static struct control *control;
static char root[4096];
static int journal = -1;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static ssize_t (*real_sendfile)(int, int, off_t *, size_t);
static ssize_t (*real_copy_file_range)(int, off_t *, int, off_t *, size_t, unsigned);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_renameat2)(int, const char *, int, const char *, unsigned);
static int (*real_linkat)(int, const char *, int, const char *, int);
static int (*real_unlinkat)(int, const char *, int);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

static void load(void *where, const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(where, &found, sizeof found); /* ISO C has no cast from data to function */
}

__attribute__((constructor)) static void begin(void)
{
	const char *folder = getenv("POSTROOM_FAULT_ROOT"), *shared = getenv("POSTROOM_FAULT_CONTROL"), *log = getenv("POSTROOM_FAULT_JOURNAL");

	load(&real_write, "write");
	load(&real_pwrite, "pwrite64");
	load(&real_writev, "writev");
	load(&real_pwritev, "pwritev64");
	load(&real_sendfile, "sendfile64");
	load(&real_copy_file_range, "copy_file_range");
	load(&real_openat, "openat64");
	load(&real_ftruncate, "ftruncate64");
	load(&real_fallocate, "fallocate64");
	load(&real_renameat2, "renameat2");
	load(&real_linkat, "linkat");
	load(&real_unlinkat, "unlinkat");
	load(&real_mkdir, "mkdir");
	load(&real_fsync, "fsync");
	load(&real_fdatasync, "fdatasync");
	if (folder && shared) {
		int fd = real_openat(AT_FDCWD, shared, O_RDWR | O_CLOEXEC);

		snprintf(root, sizeof root, "%s", folder);
		control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
		if (control == MAP_FAILED)
			abort();
		if (log)
			journal = real_openat(AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	}
}

static bool path_counts(const char *path)
{
	size_t len = strlen(root), n = strlen(path);

	return control && len && strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == '\0') && !(n > 4 && strcmp(path + n - 4, "-shm") == 0) &&
	       !strstr(path + len, "/search.db");
}

/* The file's name now; false: a socket, a pipe, not below the root. */
static bool fd_counts(int fd, char path[4096])
{
	char link[64];
	ssize_t len;

	if (!control)
		return false;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = readlink(link, path, 4095);
	if (len <= 0 || path[0] != '/')
		return false;
	path[len] = '\0';
	return path_counts(path);
}

static uint64_t inode_of_fd(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static uint64_t inode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_ino : 0;
}

/* Entry: op, inode, offset, length of a, length of b; then a (a path or bytes) and b (a second path). Never counted itself. */
static void note(enum op op, uint64_t inode, uint64_t offset, const void *a, uint64_t a_len, const char *b)
{
	uint64_t head[5] = { op, inode, offset, a_len, b ? strlen(b) : 0 };
	struct iovec parts[3] = { { head, sizeof head }, { (void *)(uintptr_t)a, a_len }, { (void *)(uintptr_t)b, head[4] } };

	if (journal >= 0 && real_writev(journal, parts, 3) < 0)
		abort();
}

static bool is_database(const char *path)
{
	size_t n = strlen(path);

	return n > 3 && strcmp(path + n - 3, ".db") == 0;
}

/* Nothing happens on the disk any more, but the process lives and can say what it has promised. */
static void hold_here(void)
{
	while (control->armed && control->hold && control->synced >= control->hold)
		(void)poll(NULL, 0, 1);
}

/* Counts; true: go on. False: errno is set and the operation must fail. May not return. */
static bool admit(const char *path, bool is_sync, bool *drop)
{
	*drop = false;
	hold_here();
	if (!control->armed || (control->where == WHERE_DATABASE && !is_database(path)))
		return true;
	control->count++;
	control->syncs += is_sync;
	switch ((enum action)control->action) {
	case ACT_KILL:
		if (control->count >= control->at) {
			kill(getpid(), SIGKILL);
			for (;;)
				pause();
		}
		return true;
	case ACT_FAIL_ONCE:
	case ACT_FAIL_FROM:
		if (control->count < control->at || (control->action == ACT_FAIL_ONCE && control->count > control->at))
			return true;
		control->hits++;
		errno = (int)control->error;
		return false;
	case ACT_DROP_SYNC:
		*drop = is_sync && control->syncs == control->at;
		control->hits += *drop;
		return true;
	case ACT_NONE:
		return true;
	}
	return true;
}

/* ---- bytes ---- */

static uint64_t position(int fd)
{
	off_t at = lseek(fd, 0, SEEK_CUR);

	return at < 0 ? 0 : (uint64_t)at;
}

static bool appends(int fd)
{
	return (fcntl(fd, F_GETFL) & O_APPEND) != 0;
}

static uint64_t end_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	char path[4096];
	ssize_t done = -1;
	uint64_t at;
	bool drop;

	if (!fd_counts(fd, path))
		return real_write(fd, bytes, len);
	pthread_mutex_lock(&order);
	if (admit(path, false, &drop)) {
		at = appends(fd) ? end_of(fd) : position(fd);
		done = real_write(fd, bytes, len);
		if (done > 0)
			note(OP_WRITE, inode_of_fd(fd), at, bytes, (uint64_t)done, NULL);
	}
	pthread_mutex_unlock(&order);
	return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
	char path[4096];
	ssize_t done = -1;
	bool drop;

	if (!fd_counts(fd, path))
		return real_pwrite(fd, bytes, len, at);
	pthread_mutex_lock(&order);
	if (admit(path, false, &drop)) {
		done = real_pwrite(fd, bytes, len, at);
		if (done > 0)
			note(OP_WRITE, inode_of_fd(fd), (uint64_t)at, bytes, (uint64_t)done, NULL);
	}
	pthread_mutex_unlock(&order);
	return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	return pwrite64(fd, bytes, len, at);
}

static void note_parts(int fd, const struct iovec *parts, int count, uint64_t at, ssize_t done)
{
	uint64_t left = done > 0 ? (uint64_t)done : 0;

	for (int i = 0; i < count && left > 0; i++) {
		uint64_t len = parts[i].iov_len < left ? parts[i].iov_len : left;

		note(OP_WRITE, inode_of_fd(fd), at, parts[i].iov_base, len, NULL);
		at += len;
		left -= len;
	}
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	char path[4096];
	ssize_t done = -1;
	uint64_t at;
	bool drop;

	if (!fd_counts(fd, path))
		return real_writev(fd, parts, count);
	pthread_mutex_lock(&order);
	if (admit(path, false, &drop)) {
		at = appends(fd) ? end_of(fd) : position(fd);
		done = real_writev(fd, parts, count);
		note_parts(fd, parts, count, at, done);
	}
	pthread_mutex_unlock(&order);
	return done;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at)
{
	char path[4096];
	ssize_t done = -1;
	bool drop;

	if (!fd_counts(fd, path))
		return real_pwritev(fd, parts, count, at);
	pthread_mutex_lock(&order);
	if (admit(path, false, &drop)) {
		done = real_pwritev(fd, parts, count, at);
		note_parts(fd, parts, count, (uint64_t)at, done);
	}
	pthread_mutex_unlock(&order);
	return done;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	return pwritev64(fd, parts, count, at);
}

/* What the kernel copied is read back for the journal. */
static void note_copied(int fd, uint64_t at, ssize_t done)
{
	char chunk[65536];

	while (done > 0) {
		size_t part = (size_t)done < sizeof chunk ? (size_t)done : sizeof chunk;
		char link[64];
		int again;
		ssize_t got;

		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		again = real_openat(AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
		got = pread(again, chunk, part, (off_t)at);
		close(again);
		if (got <= 0)
			abort();
		note(OP_WRITE, inode_of_fd(fd), at, chunk, (uint64_t)got, NULL);
		at += (uint64_t)got;
		done -= got;
	}
}

ssize_t sendfile64(int to, int from, off_t *offset, size_t len)
{
	char path[4096];
	ssize_t done = -1;
	uint64_t at;
	bool drop;

	if (!fd_counts(to, path))
		return real_sendfile(to, from, offset, len);
	pthread_mutex_lock(&order);
	if (admit(path, false, &drop)) {
		at = position(to);
		done = real_sendfile(to, from, offset, len);
		note_copied(to, at, done);
	}
	pthread_mutex_unlock(&order);
	return done;
}

ssize_t sendfile(int to, int from, off_t *offset, size_t len)
{
	return sendfile64(to, from, offset, len);
}

ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags)
{
	char path[4096];
	ssize_t done = -1;
	uint64_t at;
	bool drop;

	if (!fd_counts(to, path))
		return real_copy_file_range(from, from_at, to, to_at, len, flags);
	pthread_mutex_lock(&order);
	if (admit(path, false, &drop)) {
		at = to_at ? (uint64_t)*to_at : position(to);
		done = real_copy_file_range(from, from_at, to, to_at, len, flags);
		note_copied(to, at, done);
	}
	pthread_mutex_unlock(&order);
	return done;
}

int ftruncate64(int fd, off_t size)
{
	char path[4096];
	int done = -1;
	bool drop;

	if (!fd_counts(fd, path))
		return real_ftruncate(fd, size);
	pthread_mutex_lock(&order);
	if (admit(path, false, &drop)) {
		done = real_ftruncate(fd, size);
		if (done == 0)
			note(OP_TRUNCATE, inode_of_fd(fd), (uint64_t)size, NULL, 0, NULL);
	}
	pthread_mutex_unlock(&order);
	return done;
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

int fallocate64(int fd, int mode, off_t at, off_t len)
{
	char path[4096];
	int done = -1;
	bool drop;

	if (!fd_counts(fd, path))
		return real_fallocate(fd, mode, at, len);
	pthread_mutex_lock(&order);
	if (admit(path, false, &drop))
		done = real_fallocate(fd, mode, at, len); /* allocation changes no byte that was written */
	pthread_mutex_unlock(&order);
	return done;
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
	return fallocate64(fd, mode, at, len);
}

/* ---- names ---- */

/* Absolute, as the kernel sees it; relative paths are of the working folder or of dir_fd. */
static void absolute(int dir_fd, const char *path, char out[8192])
{
	char base[4096] = "";

	if (path[0] == '/') {
		snprintf(out, 8192, "%s", path);
		return;
	}
	if (dir_fd == AT_FDCWD) {
		if (!getcwd(base, sizeof base))
			base[0] = '\0';
	} else {
		char link[64];
		ssize_t len;

		snprintf(link, sizeof link, "/proc/self/fd/%d", dir_fd);
		len = readlink(link, base, sizeof base - 1);
		base[len > 0 ? len : 0] = '\0';
	}
	snprintf(out, 8192, "%s/%s", base, path);
}

static int counted_open(int dir_fd, const char *path, int flags, mode_t mode)
{
	char full[8192];
	int fd = -1;
	bool drop, existed;

	absolute(dir_fd, path, full);
	if (!(flags & (O_CREAT | O_TRUNC)) || !path_counts(full))
		return real_openat(dir_fd, path, flags, mode);
	pthread_mutex_lock(&order);
	existed = inode_of(full) != 0;
	if (admit(full, false, &drop)) {
		fd = real_openat(dir_fd, path, flags, mode);
		if (fd >= 0 && !existed)
			note(OP_CREATE, inode_of_fd(fd), 0, full, strlen(full), NULL);
		else if (fd >= 0 && (flags & O_TRUNC))
			note(OP_TRUNCATE, inode_of_fd(fd), 0, NULL, 0, NULL);
	}
	pthread_mutex_unlock(&order);
	return fd;
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(args, int) : 0;
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return counted_open(AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return counted_open(AT_FDCWD, path, flags, mode);
}

int openat64(int dir_fd, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return counted_open(dir_fd, path, flags, mode);
}

int openat(int dir_fd, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return counted_open(dir_fd, path, flags, mode);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	char full_from[8192], full_to[8192];
	int done = -1;
	bool drop;

	absolute(from_fd, from, full_from);
	absolute(to_fd, to, full_to);
	if (!path_counts(full_to) && !path_counts(full_from))
		return real_renameat2(from_fd, from, to_fd, to, flags);
	pthread_mutex_lock(&order);
	if (admit(full_to, false, &drop)) {
		uint64_t inode = inode_of(full_from);

		done = real_renameat2(from_fd, from, to_fd, to, flags);
		if (done == 0)
			note(OP_RENAME, inode, 0, full_from, strlen(full_from), full_to);
	}
	pthread_mutex_unlock(&order);
	return done;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat2(from_fd, from, to_fd, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	char full[8192];
	int done = -1;
	bool drop;

	absolute(to_fd, to, full);
	if (!path_counts(full))
		return real_linkat(from_fd, from, to_fd, to, flags);
	pthread_mutex_lock(&order);
	if (admit(full, false, &drop)) {
		done = real_linkat(from_fd, from, to_fd, to, flags);
		if (done == 0)
			note(OP_LINK, inode_of(full), 0, full, strlen(full), NULL);
	}
	pthread_mutex_unlock(&order);
	return done;
}

int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int dir_fd, const char *path, int flags)
{
	char full[8192];
	int done = -1;
	bool drop;

	absolute(dir_fd, path, full);
	if (!path_counts(full))
		return real_unlinkat(dir_fd, path, flags);
	pthread_mutex_lock(&order);
	if (admit(full, false, &drop)) {
		done = real_unlinkat(dir_fd, path, flags);
		if (done == 0)
			note(flags & AT_REMOVEDIR ? OP_RMDIR : OP_UNLINK, 0, 0, full, strlen(full), NULL);
	}
	pthread_mutex_unlock(&order);
	return done;
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdir(const char *path, mode_t mode)
{
	char full[8192];
	int done = -1;
	bool drop;

	absolute(AT_FDCWD, path, full);
	if (!path_counts(full))
		return real_mkdir(path, mode);
	pthread_mutex_lock(&order);
	if (admit(full, false, &drop)) {
		done = real_mkdir(path, mode);
		if (done == 0)
			note(OP_MKDIR, inode_of(full), 0, full, strlen(full), NULL);
	}
	pthread_mutex_unlock(&order);
	return done;
}

/* ---- durability ---- */

static int counted_sync(int fd, int (*real)(int))
{
	char path[4096];
	struct stat st;
	int done = -1;
	bool drop;

	if (!fd_counts(fd, path))
		return real(fd);
	pthread_mutex_lock(&order);
	if (admit(path, true, &drop)) {
		done = drop ? 0 : real(fd);
		if (done == 0 && !drop && fstat(fd, &st) == 0)
			note(S_ISDIR(st.st_mode) ? OP_SYNC_DIR : OP_SYNC, st.st_ino, 0, path, strlen(path), NULL);
		control->synced++;
	} else {
		int failed = errno;

		note(OP_SYNC_FAILED, inode_of_fd(fd), 0, path, strlen(path), NULL);
		errno = failed;
	}
	pthread_mutex_unlock(&order);
	return done;
}

int fsync(int fd)
{
	return counted_sync(fd, real_fsync);
}

int fdatasync(int fd)
{
	return counted_sync(fd, real_fdatasync);
}
