/* store/notice.c: notices of change. */
#include "daemon/store/notice.h"

#include "daemon/store/mailstore.h"

/* With watch_lock held: who has removed his watch is not called after that. */
void notice_changed(struct mailstore *m, uint64_t mailbox_id)
{
	pthread_mutex_lock(&m->watch_lock);
	for (struct store_watch *w = m->watches; w; w = w->next) {
		if (w->mailbox_id == mailbox_id || w->mailbox_id == 0)
			w->changed(w->arg);
	}
	pthread_mutex_unlock(&m->watch_lock);
}
