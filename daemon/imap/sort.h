/* imap/sort.h: messages in the order of a sort program (RFC 5256 section 3, RFC 5957, RFC 6203 section 6). Internal to the commands that search.
 *
 * Ordering is stable by message number and takes turns. Texts are compared by i;unicode-casemap, up to SORT_TEXT_MAX bytes of each.
 */
#ifndef POSTROOM_IMAP_SORT_H
#define POSTROOM_IMAP_SORT_H

#include "daemon/base/arena.h"
#include "daemon/imap/args.h"

#define SORT_TEXT_MAX 1000

struct sorter;

int64_t sort_sent_date(const struct message_row *row);         /* RFC 5256 2.2, in seconds */
bool sort_is_by_relevancy(const struct sort_program *program); /* not only by what never changes */

/* All in the arena; `count` messages at most. Null: it is full. */
struct sorter *sort_begin(const struct sort_program *program, size_t count, struct arena *a);
void sort_scores(struct sorter *x, const uint8_t *scores);                                        /* by message number, for RELEVANCY; borrowed */
unsigned sort_want(const struct sorter *x);                                                       /* of enum message_want */
enum err sort_add(struct sorter *x, uint32_t sequence, const struct message_row *row) MUST_CHECK; /* sequences rise */
void sort_added(struct sorter *x);                                                                /* all are */
/* True: it is through. */
bool sort_more(struct sorter *x, int64_t until_us);
/* Message numbers in order. */
const uint32_t *sort_result(const struct sorter *x, uint32_t *count_out);

#endif
