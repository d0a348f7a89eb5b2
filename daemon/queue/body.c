/* queue/body.c: the only file of the queue that writes and removes files. A name is never used twice. */
#include "daemon/queue/body.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "db/queue_message.h"

enum err body_create(struct queue *q, struct body_writer *w, char **path_out)
{
	struct queue_id name;

	queue_id_new(&name);
	queue_id_text(&name, w->name);
	if (asprintf(path_out, "%s/%s", q->config.bodies_dir, w->name) < 0) {
		*path_out = NULL;
		w->name[0] = '\0';
		return ERR_TEMP;
	}
	w->fd = openat(q->bodies_fd, w->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd >= 0)
		return ERR_OK;
	w->name[0] = '\0';
	free(*path_out);
	*path_out = NULL;
	return ERR_TEMP;
}

enum err body_write(struct body_writer *w, struct span bytes)
{
	while (bytes.len) {
		ssize_t wrote = write(w->fd, bytes.ptr, bytes.len);

		if (wrote > 0)
			bytes = span_skip(bytes, (size_t)wrote);
		else if (wrote == 0 || errno != EINTR)
			return ERR_TEMP;
	}
	return ERR_OK;
}

enum err body_finish(struct queue *q, struct body_writer *w)
{
	bool kept = fsync(w->fd) == 0;

	body_close(w);
	return kept && fsync(q->bodies_fd) == 0 ? ERR_OK : ERR_TEMP;
}

struct span body_file_name(const struct body_writer *w)
{
	return span_str(w->name);
}

void body_close(struct body_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

void body_discard(struct body_writer *w, const char *path)
{
	body_close(w);
	if (w->name[0] && path)
		unlink(path);
}

struct doubtful_body {
	struct doubtful_body *next;
	char name[BODY_NAME_MAX];
};

void body_doubt(struct queue *q, struct body_writer *w)
{
	struct doubtful_body *d = w->name[0] ? malloc(sizeof(*d)) : NULL;

	/* Without memory it waits for the next start. */
	if (d) {
		memcpy(d->name, w->name, sizeof(d->name));
		d->next = q->doubtful;
		q->doubtful = d;
	}
	body_close(w);
	w->name[0] = '\0';
}

struct doubtful_body *body_take_doubtful(struct queue *q)
{
	struct doubtful_body *list = q->doubtful;

	q->doubtful = NULL;
	return list;
}

void body_remove_doubtful(const struct queue *q, struct doubtful_body *list)
{
	while (list) {
		struct doubtful_body *d = list;

		list = d->next;
		body_remove(q, d->name);
		free(d);
	}
}

void body_forget_doubtful(struct queue *q)
{
	for (struct doubtful_body *d = q->doubtful, *next; d; d = next) {
		next = d->next;
		free(d);
	}
	q->doubtful = NULL;
}

void body_remove(const struct queue *q, const char *name)
{
	if (unlinkat(q->bodies_fd, name, 0) != 0 && errno != ENOENT)
		log_event(LOG_WARN, "queue", "body_left", "file=%s", name); /* the next start sweeps it */
}

bool body_exists(const struct queue *q, struct span name)
{
	char text[BODY_NAME_MAX];

	if (name.len == 0 || name.len >= sizeof(text))
		return false;
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	return faccessat(q->bodies_fd, text, F_OK, 0) == 0;
}

struct name_list {
	char (*names)[BODY_NAME_MAX];
	size_t count, cap;
};

static enum err add_name(void *arg, struct span name)
{
	struct name_list *list = arg;

	if (name.len >= BODY_NAME_MAX)
		return ERR_OK; /* never one of ours */
	if (list->count == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 256;
		char(*more)[BODY_NAME_MAX] = realloc(list->names, cap * sizeof(*more));

		if (!more)
			return ERR_TEMP;
		list->names = more;
		list->cap = cap;
	}
	memcpy(list->names[list->count], name.ptr, name.len);
	list->names[list->count][name.len] = '\0';
	list->count++;
	return ERR_OK;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static enum err remove_unnamed(const struct queue *q, DIR *dir, const struct name_list *named)
{
	const struct dirent *entry;

	while ((entry = readdir(dir)) != NULL) {
		char name[BODY_NAME_MAX];
		size_t len = strlen(entry->d_name);

		/* Only what body_create could have named: nobody else's file is ours to remove. */
		if (len != QUEUE_ID_TEXT - 1)
			continue;
		memcpy(name, entry->d_name, len + 1);
		if (named->count && bsearch(name, named->names, named->count, sizeof(*named->names), compare_names))
			continue;
		body_remove(q, name);
		log_event(LOG_INFO, "queue", "orphan_removed", "file=%s", log_quote(span_str(name)).text);
	}
	return ERR_OK;
}

enum err body_sweep(struct queue *q, struct db *db, struct note *why)
{
	struct name_list named = { 0 };
	enum err e = db_queue_files(db, add_name, &named);
	DIR *dir = e ? NULL : opendir(q->config.bodies_dir);

	if (e) {
		note_set(why, "cannot read %s", q->config.path);
	} else if (!dir) {
		note_set_errno(why, errno, "%s", q->config.bodies_dir);
		e = ERR_TEMP;
	} else {
		if (named.count)
			qsort(named.names, named.count, sizeof(*named.names), compare_names);
		e = remove_unnamed(q, dir, &named);
		closedir(dir);
	}
	free(named.names);
	return e;
}
