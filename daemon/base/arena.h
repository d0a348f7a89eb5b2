/* base/arena.h: memory with one lifetime: session, transaction, command. No per-object frees.
 *
 * A pointer may point into an equal or longer-lived arena, never a shorter one.
 */
#ifndef POSTROOM_BASE_ARENA_H
#define POSTROOM_BASE_ARENA_H

#include "daemon/base/span.h"

struct arena_block;
struct arena_budget;

struct arena {
	struct arena_block *blocks;
	size_t used_bytes, max_bytes;
	struct arena_budget *budget; /* borrowed; null: none */
	bool failed;                 /* latched like struct buf */
};

void arena_init(struct arena *a, size_t max_bytes); /* allocates nothing yet */
void arena_clear(struct arena *a);                  /* frees all, failed off; usable again */
void arena_wipe(struct arena *a);                   /* erases the bytes, then clears: for secrets */
void arena_reset(struct arena *a);                  /* forgets all, keeps one small block for the next use */

/* Zeroed and aligned for any type; null past max_bytes (latched). size 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t size);
/* count * size, checked for overflow. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A copy; {NULL, 0} when it does not fit. */
struct span arena_copy(struct arena *a, struct span s);
struct span arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);

/* What many arenas, of several threads, may hold together. Shared by reference count; it outlives the arenas that are charged to it. */
enum err arena_budget_new(size_t max_bytes, struct arena_budget **out) MUST_CHECK;
struct arena_budget *arena_budget_hold(struct arena_budget *b);
void arena_budget_release(struct arena_budget **b);
/* From now on `a` grows only where the budget has room; what it holds already is moved there from the budget before. Null: from none. */
void arena_charge(struct arena *a, struct arena_budget *b);
/* For memory that is in no arena. Null has room for all. */
bool arena_budget_take(struct arena_budget *b, size_t bytes) MUST_CHECK;
void arena_budget_give(struct arena_budget *b, size_t bytes);

/* A NUL-terminated copy for library borders: ERR_SYNTAX when s holds a NUL, ERR_LIMIT when it does not fit. */
enum err span_cstr(struct arena *a, struct span s, const char **out) MUST_CHECK;

#endif
