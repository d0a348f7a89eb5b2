/* smtp/room.c: see room.h.
 *
 * What is kept free is for all that is not new mail: reading, deleting, the panel and the databases' own work go on where mail is put off.
 */
#include "daemon/smtp/room.h"

#include <sys/statvfs.h>

#include "daemon/base/log.h"

#define LOOK_MS 1000
#define FILES_MIN 1000 /* a file system without room for names is as full as one without room for bytes */

static void look(struct room *r, const char *dir, uint64_t need_bytes)
{
	struct statvfs disk;
	uint64_t free_bytes;
	bool is_short;

	if (statvfs(dir, &disk) != 0)
		return;
	free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	is_short = free_bytes < need_bytes || (disk.f_files > 0 && disk.f_favail < FILES_MIN);
	if (atomic_exchange(&r->short_of_it, is_short) == is_short)
		return;
	log_event(is_short ? LOG_ERROR : LOG_INFO, "smtp", is_short ? "disk_low" : "disk_enough", "free=%llu needed=%llu names=%llu",
		  (unsigned long long)free_bytes, (unsigned long long)need_bytes, (unsigned long long)disk.f_favail);
}

bool room_is_there(struct room *r, const char *dir, uint64_t need_bytes, int64_t now_mono_ms)
{
	int64_t before = atomic_load_explicit(&r->looked_ms, memory_order_relaxed);

	if ((before == 0 || now_mono_ms - before >= LOOK_MS) && atomic_compare_exchange_strong(&r->looked_ms, &before, now_mono_ms))
		look(r, dir, need_bytes);
	return !atomic_load_explicit(&r->short_of_it, memory_order_relaxed);
}
