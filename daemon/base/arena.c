/* base/arena.c: blocks that are freed together.
 *
 * The first block in the list is the one being filled. What would waste most of a block gets a block
 * of its own, put second, so that the one being filled stays in use. Blocks double from FIRST_BLOCK
 * to LARGEST_BLOCK: an idle session stays small, a long listing does not call malloc often.
 */
#include "daemon/base/arena.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/size.h"

#define ALIGN _Alignof(max_align_t)
#define FIRST_BLOCK ((size_t)1024 - sizeof(struct arena_block))
#define LARGEST_BLOCK ((size_t)64 * 1024 - sizeof(struct arena_block))

struct arena_block {
	struct arena_block *next;
	size_t used, cap;
	_Alignas(max_align_t) char bytes[];
};

struct arena_budget {
	atomic_uint references;
	atomic_size_t used;
	size_t max;
};

enum err arena_budget_new(size_t max_bytes, struct arena_budget **out)
{
	*out = malloc(sizeof **out);
	if (!*out)
		return ERR_TEMP;
	atomic_init(&(*out)->references, 1);
	atomic_init(&(*out)->used, 0);
	(*out)->max = max_bytes;
	return ERR_OK;
}

struct arena_budget *arena_budget_hold(struct arena_budget *b)
{
	if (b)
		atomic_fetch_add_explicit(&b->references, 1, memory_order_relaxed);
	return b;
}

void arena_budget_release(struct arena_budget **b)
{
	struct arena_budget *gone = *b;

	*b = NULL;
	if (gone && atomic_fetch_sub_explicit(&gone->references, 1, memory_order_acq_rel) == 1)
		free(gone);
}

bool arena_budget_take(struct arena_budget *b, size_t bytes)
{
	size_t used = b ? atomic_load_explicit(&b->used, memory_order_relaxed) : 0;

	while (b) {
		if (used > b->max || bytes > b->max - used)
			return false;
		if (atomic_compare_exchange_weak_explicit(&b->used, &used, used + bytes, memory_order_relaxed, memory_order_relaxed))
			break;
	}
	return true;
}

void arena_budget_give(struct arena_budget *b, size_t bytes)
{
	if (b)
		atomic_fetch_sub_explicit(&b->used, bytes, memory_order_relaxed);
}

void arena_init(struct arena *a, size_t max_bytes)
{
	*a = (struct arena){ .max_bytes = max_bytes };
}

/* Empty again; limits stay. */
static void begin_anew(struct arena *a)
{
	*a = (struct arena){ .max_bytes = a->max_bytes, .budget = a->budget };
}

static void block_free(struct arena *a, struct arena_block *b)
{
	arena_budget_give(a->budget, sizeof *b + b->cap);
	free(b);
}

void arena_charge(struct arena *a, struct arena_budget *budget)
{
	size_t held = 0;

	for (const struct arena_block *b = a->blocks; b; b = b->next)
		held += sizeof *b + b->cap;
	arena_budget_give(a->budget, held);
	a->budget = budget;
	if (budget)
		atomic_fetch_add_explicit(&budget->used, held, memory_order_relaxed);
}

void arena_clear(struct arena *a)
{
	struct arena_block *next;

	for (struct arena_block *b = a->blocks; b; b = next) {
		next = b->next;
		block_free(a, b);
	}
	begin_anew(a);
}

void arena_wipe(struct arena *a)
{
	for (struct arena_block *b = a->blocks; b; b = b->next)
		explicit_bzero(b->bytes, b->cap);
	arena_clear(a);
}

void arena_reset(struct arena *a)
{
	struct arena_block *kept = NULL;
	struct arena_block *next;

	for (struct arena_block *b = a->blocks; b; b = next) {
		next = b->next;
		if (!kept && b->cap == FIRST_BLOCK)
			kept = b;
		else
			block_free(a, b);
	}
	begin_anew(a);
	if (kept) {
		kept->next = NULL;
		kept->used = 0;
		a->blocks = kept;
	}
}

static struct arena_block *block_new(struct arena *a, size_t cap)
{
	struct arena_block *b;
	size_t bytes;

	if (!size_add(sizeof *b, cap, &bytes) || !arena_budget_take(a->budget, bytes))
		return NULL;
	b = malloc(bytes);
	if (!b) {
		arena_budget_give(a->budget, bytes);
		return NULL;
	}
	b->next = NULL;
	b->used = 0;
	b->cap = cap;
	return b;
}

/* A block with room for `size`: the new first one, or an own one behind it. */
static struct arena_block *block_for(struct arena *a, size_t size)
{
	struct arena_block *first = a->blocks;
	size_t cap = first ? first->cap * 2 + sizeof *first : FIRST_BLOCK;
	struct arena_block *b;

	if (cap > LARGEST_BLOCK)
		cap = LARGEST_BLOCK;
	if (first && size > cap / 4) {
		b = block_new(a, size);
		if (!b)
			return NULL;
		b->next = first->next;
		first->next = b;
		return b;
	}
	b = block_new(a, size > cap ? size : cap);
	if (!b)
		return NULL;
	b->next = first;
	a->blocks = b;
	return b;
}

/* Not zeroed. */
static void *take(struct arena *a, size_t size)
{
	struct arena_block *b = a->blocks;
	size_t total;
	void *out;

	if (a->failed)
		return NULL;
	if (!size_add(size ? size : 1, ALIGN - 1, &size))
		goto full;
	size &= ~(ALIGN - 1);
	if (!size_add(a->used_bytes, size, &total) || total > a->max_bytes)
		goto full;
	if (!b || size > b->cap - b->used)
		b = block_for(a, size);
	if (!b)
		goto full;
	out = b->bytes + b->used;
	b->used += size;
	a->used_bytes = total;
	return out;
full:
	a->failed = true;
	return NULL;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *out = take(a, size);

	return out ? memset(out, 0, size) : NULL;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t bytes;

	if (!size_mul(count, size, &bytes)) {
		a->failed = true;
		return NULL;
	}
	return arena_alloc(a, bytes);
}

/* With a NUL behind it. */
static char *copy_cstr(struct arena *a, struct span s)
{
	char *out = s.len == SIZE_MAX ? NULL : take(a, s.len + 1);

	if (!out)
		return NULL;
	if (s.len)
		memcpy(out, s.ptr, s.len);
	out[s.len] = '\0';
	return out;
}

struct span arena_copy(struct arena *a, struct span s)
{
	char *out = take(a, s.len);

	if (!out)
		return span_make(NULL, 0);
	if (s.len)
		memcpy(out, s.ptr, s.len);
	return span_make(out, s.len);
}

struct span arena_printf(struct arena *a, const char *format, ...)
{
	char line[256];
	struct span s = { NULL, 0 };
	va_list args;
	int len;
	char *out;

	va_start(args, format);
	len = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (len < 0) {
		a->failed = true;
		return s;
	}
	if ((size_t)len < sizeof line)
		return arena_copy(a, span_make(line, (size_t)len));
	out = take(a, (size_t)len + 1);
	if (!out)
		return s;
	va_start(args, format);
	vsnprintf(out, (size_t)len + 1, format, args);
	va_end(args);
	return span_make(out, (size_t)len);
}

enum err span_cstr(struct arena *a, struct span s, const char **out)
{
	size_t at;
	char *copy;

	if (span_find_char(s, '\0', &at))
		return ERR_SYNTAX;
	copy = copy_cstr(a, s);
	if (!copy)
		return ERR_LIMIT;
	*out = copy;
	return ERR_OK;
}
