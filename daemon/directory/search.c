/* directory/search.c: finding accounts by a part of their address or name.
 *
 * All addresses and names stand one after another in one text, without case, so that one memmem() runs over it instead of one for each account.
 * It is made when the first search comes: most snapshots never see one.
 */
#include <stdlib.h>

#include "daemon/directory/snapshot.h"

struct search_text {
	char *bytes; /* of each account: address LF name LF; neither holds an LF */
	size_t len;
	size_t *ends; /* of each account */
};

void search_text_free(struct search_text *t)
{
	if (!t)
		return;
	free(t->bytes);
	free(t->ends);
	free(t);
}

static size_t add(char *to, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		to[i] = ascii_lower(text.ptr[i]);
	to[text.len] = '\n';
	return text.len + 1;
}

static struct search_text *make(const struct snapshot *s)
{
	struct search_text *t = calloc(1, sizeof(*t));
	size_t len = 0;

	if (!t)
		return NULL;
	for (size_t i = 0; i < s->account_count; i++)
		len += s->accounts[i].address.len + s->accounts[i].name.len + 2;
	t->bytes = malloc(len + 1);
	t->ends = calloc(s->account_count + 1, sizeof(*t->ends));
	if (!t->bytes || !t->ends) {
		search_text_free(t);
		return NULL;
	}
	for (size_t i = 0; i < s->account_count; i++) {
		t->len += add(t->bytes + t->len, s->accounts[i].address);
		t->len += add(t->bytes + t->len, s->accounts[i].name);
		t->ends[i] = t->len;
	}
	return t;
}

/* Two may make it at once; one of them throws it away. */
static const struct search_text *text_of(const struct snapshot *s)
{
	struct snapshot *own = (struct snapshot *)(uintptr_t)s;
	struct search_text *t = atomic_load_explicit(&own->search, memory_order_acquire), *made;

	if (t)
		return t;
	made = make(s);
	if (!made)
		return NULL;
	if (atomic_compare_exchange_strong_explicit(&own->search, &t, made, memory_order_acq_rel, memory_order_acquire))
		return made;
	search_text_free(made);
	return t;
}

/* The account in whose part the place is; not one before `from`. */
static size_t account_at(const struct search_text *t, size_t place, size_t from, size_t count)
{
	size_t low = from, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->ends[middle] <= place)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool snapshot_search(const struct snapshot *s, struct span text, uint64_t *hits)
{
	const struct search_text *t = text_of(s);
	size_t at = 0, i = 0;

	if (!t)
		return false;
	while (at < t->len) {
		const char *found = memmem(t->bytes + at, t->len - at, text.ptr, text.len);

		if (!found)
			break;
		/* Mostly the next one: where many fit. */
		if (t->ends[i] <= (size_t)(found - t->bytes))
			i = account_at(t, (size_t)(found - t->bytes), i, s->account_count);
		hits[i / 64] |= (uint64_t)1 << (i % 64);
		at = t->ends[i++];
	}
	return true;
}
