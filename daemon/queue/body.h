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

/* The commit of a row that names the file failed. Its frames may stand in the WAL, whole, until the next commit has written over them: a crash
 * before that would bring the row back. With queue.lock: keeps the file and its name for later. */
void body_doubt(struct queue *q, struct body_writer *w);
/* With queue.lock: takes what is in doubt, after a commit that succeeded; to be given to body_remove_doubtful without the lock. */
struct doubtful_body *body_take_doubtful(struct queue *q);
void body_remove_doubtful(const struct queue *q, struct doubtful_body *list);
/* At the end: the files stay for the next start, which knows what was really committed. */
void body_forget_doubtful(struct queue *q);

/* Removes what no row names. */
enum err body_sweep(struct queue *q, struct db *db, struct note *why) MUST_CHECK;
bool body_exists(const struct queue *q, struct span name);
void body_remove(const struct queue *q, const char *name);

#endif
