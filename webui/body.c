/* webui/body.c: keeps bodies within what the machine has. */
#include "webui/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

static _Atomic uint64_t in_memory;
static atomic_uint uploads;

void body_init(struct body *b)
{
	*b = (struct body){ .fd = -1 };
	buf_init(&b->memory, 0);
}

static enum err open_file(struct body *b, uint64_t length, const char *dir)
{
	if (atomic_fetch_add(&uploads, 1) >= BODY_UPLOADS_MAX) {
		atomic_fetch_sub(&uploads, 1);
		return ERR_TEMP;
	}
	b->upload = true;
	b->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (b->fd < 0)
		return ERR_STATE;
	/* Said before the client has sent it all. */
	return length > 0 && posix_fallocate(b->fd, 0, (off_t)length) != 0 ? ERR_STATE : ERR_OK;
}

enum err body_begin(struct body *b, uint64_t length, uint64_t max, const char *upload_dir)
{
	b->max = max;
	if (upload_dir)
		return open_file(b, length, upload_dir);
	buf_init(&b->memory, (size_t)max);
	return ERR_OK;
}

static enum err write_all(int fd, struct span part)
{
	while (part.len > 0) {
		ssize_t count = write(fd, part.ptr, part.len);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return ERR_STATE;
		part = span_make(part.ptr + count, part.len - (size_t)count);
	}
	return ERR_OK;
}

void body_add(struct body *b, struct span part)
{
	if (b->state != ERR_OK)
		return;
	if (part.len > b->max - b->size) {
		b->state = ERR_LIMIT;
	} else if (b->fd >= 0) {
		b->state = write_all(b->fd, part);
	} else {
		b->counted += part.len;
		if (atomic_fetch_add(&in_memory, part.len) + part.len > BODY_MEMORY_MAX)
			b->state = ERR_TEMP;
		else
			buf_add(&b->memory, part);
		if (b->memory.failed)
			b->state = ERR_TEMP;
	}
	b->size += part.len;
}

void body_end(struct body *b)
{
	if (b->fd >= 0 && b->state == ERR_OK && (ftruncate(b->fd, (off_t)b->size) != 0 || lseek(b->fd, 0, SEEK_SET) != 0))
		b->state = ERR_STATE;
}

void body_clear(struct body *b)
{
	buf_wipe(&b->memory);
	atomic_fetch_sub(&in_memory, b->counted);
	if (b->fd >= 0)
		close(b->fd);
	if (b->upload)
		atomic_fetch_sub(&uploads, 1);
	body_init(b);
}
