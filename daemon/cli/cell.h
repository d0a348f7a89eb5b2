/* cli/cell.h: a value of an answer as text for people; internal to cli/. */
#ifndef POSTROOM_CLI_CELL_H
#define POSTROOM_CLI_CELL_H

#include "daemon/base/buf.h"

struct json_t;

#define CELL_MAX (256u * 1024u)

/* What a terminal would obey instead of showing, and what turns the direction of the text beside it, becomes '?'. */
void cell_clean(struct buf *out, struct span text);
/* One line: words for true, false and null; lists with commas. Safe for a terminal. */
void cell_write(struct buf *out, struct json_t *value);
/* The same for a program: text as it is, lists with blanks between, objects as JSON. */
void cell_write_raw(struct buf *out, struct json_t *value);
/* The member that a dotted name leads to; null: none. */
struct json_t *cell_member(struct json_t *object, struct span name);

#endif
