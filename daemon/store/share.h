/* store/share.h: COPY and MOVE into a mailbox of another account: messages become the other account's own, their bodies' files linked.
 *
 * The source is read and the target written in turns: nothing of the one is held while the other is at work. One call at a time uses the view.
 */
#ifndef POSTROOM_STORE_SHARE_H
#define POSTROOM_STORE_SHARE_H

#include "daemon/store/view.h"

enum share_keywords {
	SHARE_NO_KEYWORDS,
	SHARE_KNOWN_KEYWORDS, /* those whose names the target knows */
	SHARE_ALL_KEYWORDS,   /* names that it does not are made there, while its table has room */
};

struct share_terms {
	bool is_move;
	uint64_t flags; /* system flags that the copies may have: by the viewer's rights there (RFC 4314 4: s, t, w) */
	enum share_keywords keywords;
	const struct store_room *room; /* of the target; null: none */
};

/* As view_copy(): all or nothing, and a MOVE too. Pairs of UIDs in the order copied. \Seen is as the view shows it, and is so in the target for the same
 * viewer alone (whom else it belongs to finds it unseen). Internal dates stay.
 * ERR_NOT_FOUND: no such target; ERR_LIMIT: over the target's room; ERR_STATE: something of the set that the view holds is there no more.
 * A crash within a MOVE leaves what was copied in both, never in none. */
enum err view_copy_to(struct view *v, const struct uid_set *set, struct mailstore *target, uint64_t target_mailbox_id, const struct share_terms *terms,
		      struct arena *a, uint32_t *uid_validity_out, struct uid_pair **out, size_t *count_out) MUST_CHECK;

#endif
