/* api/pending.c: what the queue does not have yet, said as a temporary failure. */
#include "daemon/queue/steering.h"

#define PENDING __attribute__((weak))
#pragma GCC diagnostic ignored "-Wunused-parameter"

PENDING enum err queue_destinations(struct queue *q, struct arena *a, struct queue_destination **out, size_t *count_out)
{
	*count_out = 0;
	return ERR_OK;
}
PENDING enum err queue_destination_find(struct queue *q, struct span name, struct arena *a, struct queue_destination *out)
{
	return ERR_NOT_FOUND;
}
