/* store/notice.c: notices of change.
 *
 * Watches are called with watch_lock held: who has removed his watch is not called after that. The journal is written before they are, so who is woken
 * finds the entry.
 */
#include "daemon/store/notice.h"

#include <stdlib.h>

#include "daemon/store/mailstore.h"

static void note_change(struct journal *j, uint64_t mailbox_id, unsigned what, uint64_t audience)
{
	const uint64_t at = j->change_count++ % JOURNAL_CHANGES;

	j->changes[at].mailbox_id = mailbox_id;
	j->changes[at].what = what;
	j->changes[at].audience = audience;
}

void notice_changed(struct mailstore *m, uint64_t mailbox_id, unsigned what, uint64_t audience)
{
	pthread_mutex_lock(&m->watch_lock);
	if (m->journal && what)
		note_change(m->journal, mailbox_id, what, audience);
	for (struct store_watch *w = m->watches; w; w = w->next) {
		if (w->mailbox_id == mailbox_id || w->mailbox_id == 0 || mailbox_id == 0)
			w->changed(w->arg);
	}
	pthread_mutex_unlock(&m->watch_lock);
}

/* Without memory the entry has no text, and whoever reads it has lost something. */
static void note_name(struct journal *j, enum journal_event event, struct span name, struct span old_name)
{
	const uint64_t at = j->name_count++ % JOURNAL_NAMES;

	free(j->names[at].text);
	j->names[at].event = event;
	j->names[at].text = malloc(name.len + old_name.len + 1);
	j->names[at].name_len = name.len;
	j->names[at].old_len = old_name.len;
	if (!j->names[at].text)
		return;
	memcpy(j->names[at].text, name.ptr, name.len);
	if (old_name.len)
		memcpy(j->names[at].text + name.len, old_name.ptr, old_name.len);
}

void notice_name(struct mailstore *m, enum journal_event event, struct span name, struct span old_name)
{
	pthread_mutex_lock(&m->watch_lock);
	if (m->journal) {
		note_name(m->journal, event, name, old_name);
		for (struct store_watch *w = m->watches; w; w = w->next) {
			if (w->mailbox_id == 0)
				w->changed(w->arg);
		}
	}
	pthread_mutex_unlock(&m->watch_lock);
}
