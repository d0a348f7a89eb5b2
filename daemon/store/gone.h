/* store/gone.h: what has left a mailbox, by its log; and who is there, by that. For the files of store/ only. */
#ifndef POSTROOM_STORE_GONE_H
#define POSTROOM_STORE_GONE_H

#include "daemon/store/uidmap.h"
#include "daemon/store/view.h"
#include "db/mail_mailbox.h"

struct gone_list {
	struct uid_range *ranges;
	size_t count, cap;
};
bool gone_add(void *list, uint32_t first, uint32_t last); /* false: no memory */
void gone_clear(struct gone_list *list);
/* What the log says since that modseq, ascending. */
enum err gone_read(struct db *db, uint64_t mailbox_id, uint64_t since, struct gone_list *list) MUST_CHECK;

/* `old`, true at `old_modseq`, without what has left since. The log must reach back so far. */
enum err gone_survivors(struct db *db, uint64_t mailbox_id, const struct uidmap *old, uint64_t old_modseq, struct uidmap_builder *b) MUST_CHECK;
/* The mailbox's map by its log alone, without reading message rows. *out null: the log does not say, or says it too slowly. */
enum err gone_map(struct db *db, const struct db_mailbox *row, struct uidmap **out) MUST_CHECK;

#endif
