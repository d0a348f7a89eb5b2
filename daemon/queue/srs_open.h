/* queue/srs_open.h: what a rewritten reverse-path of this server stands for. */
#ifndef POSTROOM_QUEUE_SRS_OPEN_H
#define POSTROOM_QUEUE_SRS_OPEN_H

#include "daemon/queue/srs.h"

struct queue;

/* What an address in a domain of ours stands for, if it is a reverse-path that this server has written: for mail with the null reverse-path only
 * (anything else to it is no bounce). ERR_NOT_FOUND: it is none, or none any more. ERR_TEMP: the disk. */
enum err srs_open(struct queue *q, const struct address *address, struct arena *a, struct address *out) MUST_CHECK;
/* The key and now, for srs_write(). */
void srs_begin(struct queue *q, struct srs *out);

#endif
