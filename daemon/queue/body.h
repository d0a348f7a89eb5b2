/* queue/body.h: files under queue/: bodies too large for a row, written while they arrive. */
#ifndef POSTROOM_QUEUE_BODY_H
#define POSTROOM_QUEUE_BODY_H

#include "daemon/queue/state.h"

#define BODY_NAME_MAX 40
struct body_writer {
	int fd;                   /* -1: none, or finished */
	char name[BODY_NAME_MAX]; /* "" until created */
};
#define BODY_WRITER_NONE ((struct body_writer){ .fd = -1 })

/* A new file; its path (malloc) goes to *path_out. ERR_TEMP. */
enum err body_create(struct queue *q, struct body_writer *w, char **path_out) MUST_CHECK;
enum err body_write(struct body_writer *w, struct span bytes) MUST_CHECK;
/* The file and its name survive a power cut. */
enum err body_finish(struct queue *q, struct body_writer *w) MUST_CHECK;
struct span body_file_name(const struct body_writer *w);
void body_close(struct body_writer *w);
/* Closes and removes it. */
void body_discard(struct body_writer *w, const char *path);

/* Removes what no row names. */
enum err body_sweep(struct queue *q, struct db *db, struct note *why) MUST_CHECK;
bool body_exists(const struct queue *q, struct span name);
void body_remove(const struct queue *q, const char *name);

#endif
