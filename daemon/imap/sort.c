/* imap/sort.c: keys are read once, case-mapped; then a merge sort from below, that can stop anywhere:
 *
 *   add ... added ──▶ runs of 1 ──▶ of 2 ──▶ of 4 ──▶ ... ──▶ one run
 */
#include "daemon/imap/sort.h"

#include "daemon/base/clock.h"
#include "daemon/mime/envelope_read.h"
#include "daemon/mime/header.h"
#include "daemon/mime/subject.h"
#include "daemon/mime/text.h"

#define SLICE 512 /* messages put in their place between two looks at the clock */

union value {
	int64_t number;
	struct span text;
};

struct sorter {
	struct sort_program program;
	struct arena *arena;
	size_t count, room;
	uint32_t *sequences;
	const uint8_t *scores;
	union value *values;  /* program.count of each message */
	uint32_t *order, *to; /* indexes */
	size_t width, at;     /* the runs' length; where the two that are being merged begin */
	size_t left, right, filled;
};

bool sort_is_by_relevancy(const struct sort_program *program)
{
	for (size_t i = 0; i < program->count; i++)
		if (program->keys[i].key == SORT_RELEVANCY)
			return true;
	return false;
}

struct sorter *sort_begin(const struct sort_program *program, size_t count, struct arena *a)
{
	struct sorter *x = arena_alloc(a, sizeof *x);

	if (!x)
		return NULL;
	x->program = *program;
	x->arena = a;
	x->room = count;
	x->sequences = arena_array(a, count, sizeof *x->sequences);
	x->values = arena_array(a, count * program->count, sizeof *x->values);
	x->order = arena_array(a, count, sizeof *x->order);
	x->to = arena_array(a, count, sizeof *x->to);
	return a->failed ? NULL : x;
}

unsigned sort_want(const struct sorter *x)
{
	unsigned want = WANT_FLAGS;

	for (size_t i = 0; i < x->program.count; i++)
		switch (x->program.keys[i].key) {
		case SORT_ARRIVAL:
		case SORT_DATE:
		case SORT_SIZE: want |= WANT_META; break;
		case SORT_CC:
		case SORT_FROM:
		case SORT_TO:
		case SORT_DISPLAYFROM:
		case SORT_DISPLAYTO: want |= WANT_ENVELOPE; break;
		case SORT_SUBJECT: want |= WANT_SUBJECT; break;
		case SORT_RELEVANCY: break;
		}
	return want;
}

void sort_scores(struct sorter *x, const uint8_t *scores)
{
	x->scores = scores;
}

static int64_t seconds(int64_t ms)
{
	return ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
}

int64_t sort_sent_date(const struct message_row *row)
{
	return seconds(row->sent_ms ? row->sent_ms : row->internal_ms);
}

static struct span keep(struct sorter *x, struct span utf8)
{
	struct buf folded;
	struct span kept;

	buf_init(&folded, SORT_TEXT_MAX);
	text_casemap(utf8, &folded);
	kept = folded.len ? arena_copy(x->arena, buf_span(&folded)) : SPAN("");
	buf_clear(&folded);
	return kept;
}

static struct span base_subject(struct sorter *x, struct span subject)
{
	struct base_subject base;
	struct buf room;
	struct span kept;

	buf_init(&room, 6 * subject.len + 64);
	subject_base(subject, &room, &base);
	kept = base.text.len ? arena_copy(x->arena, span_take(base.text, SORT_TEXT_MAX)) : SPAN("");
	buf_clear(&room);
	return kept;
}

/* RFC 5256 3: the local part of the first address. RFC 5957 3: its display name; without one the address. */
static struct span first_address(struct sorter *x, struct span envelope, enum envelope_item item, bool display, struct arena *scratch)
{
	struct envelope_address address;
	struct span list, name;

	if (!envelope_list(envelope, item, &list) || !envelope_next(&list, scratch, &address))
		return SPAN("");
	if (!display)
		return keep(x, address.mailbox);
	name = header_decode(scratch, address.name);
	if (name.len)
		return keep(x, name);
	if (!address.host.len)
		return keep(x, address.mailbox);
	return keep(x, arena_printf(scratch, "%.*s@%.*s", (int)address.mailbox.len, address.mailbox.ptr, (int)address.host.len, address.host.ptr));
}

static union value value_of(struct sorter *x, enum sort_key key, uint32_t sequence, const struct message_row *row, struct arena *scratch)
{
	switch (key) {
	case SORT_ARRIVAL: return (union value){ .number = seconds(row->internal_ms) };
	case SORT_DATE: return (union value){ .number = sort_sent_date(row) };
	case SORT_SIZE: return (union value){ .number = (int64_t)row->size };
	case SORT_CC: return (union value){ .text = first_address(x, row->envelope, ENVELOPE_CC, false, scratch) };
	case SORT_FROM: return (union value){ .text = first_address(x, row->envelope, ENVELOPE_FROM, false, scratch) };
	case SORT_TO: return (union value){ .text = first_address(x, row->envelope, ENVELOPE_TO, false, scratch) };
	case SORT_DISPLAYFROM: return (union value){ .text = first_address(x, row->envelope, ENVELOPE_FROM, true, scratch) };
	case SORT_DISPLAYTO: return (union value){ .text = first_address(x, row->envelope, ENVELOPE_TO, true, scratch) };
	case SORT_SUBJECT: return (union value){ .text = base_subject(x, row->subject) };
	case SORT_RELEVANCY: return (union value){ .number = x->scores ? -(int64_t)x->scores[sequence - 1] : 0 }; /* the best first */
	}
	return (union value){ 0 };
}

enum err sort_add(struct sorter *x, uint32_t sequence, const struct message_row *row)
{
	struct arena scratch;

	if (x->count == x->room)
		return ERR_OK;
	arena_init(&scratch, 6 * STORE_HEAD_MAX);
	for (size_t i = 0; i < x->program.count; i++)
		x->values[x->count * x->program.count + i] = value_of(x, x->program.keys[i].key, sequence, row, &scratch);
	arena_clear(&scratch);
	x->sequences[x->count++] = sequence;
	return x->arena->failed ? ERR_LIMIT : ERR_OK;
}

static void begin_merge(struct sorter *x, size_t from)
{
	x->at = x->left = x->filled = from;
	x->right = from + x->width < x->count ? from + x->width : x->count;
}

void sort_added(struct sorter *x)
{
	for (size_t i = 0; i < x->count; i++)
		x->order[i] = (uint32_t)i;
	x->width = 1;
	begin_merge(x, 0);
}

static bool is_number(enum sort_key key)
{
	return key == SORT_ARRIVAL || key == SORT_DATE || key == SORT_SIZE || key == SORT_RELEVANCY;
}

static int compare(const struct sorter *x, uint32_t a, uint32_t b)
{
	const union value *v = &x->values[a * x->program.count], *w = &x->values[b * x->program.count];

	for (size_t i = 0; i < x->program.count; i++) {
		int order;

		if (is_number(x->program.keys[i].key))
			order = v[i].number < w[i].number ? -1 : v[i].number > w[i].number;
		else
			order = span_compare(v[i].text, w[i].text);
		if (order)
			return x->program.keys[i].reverse ? -order : order;
	}
	return 0;
}

/* The two runs that begin at `at`, the second perhaps short or empty. False: the room was not enough. */
static bool merge(struct sorter *x, size_t *room)
{
	size_t middle = x->at + x->width < x->count ? x->at + x->width : x->count;
	size_t end = middle + x->width < x->count ? middle + x->width : x->count;

	for (; x->filled < end && *room; x->filled++, --*room) {
		bool from_left = x->right == end || (x->left < middle && compare(x, x->order[x->left], x->order[x->right]) <= 0);

		x->to[x->filled] = x->order[from_left ? x->left++ : x->right++];
	}
	return x->filled == end;
}

static void next_merge(struct sorter *x)
{
	uint32_t *old = x->order;

	if (x->at + 2 * x->width < x->count) {
		begin_merge(x, x->at + 2 * x->width);
		return;
	}
	x->order = x->to;
	x->to = old;
	x->width *= 2;
	begin_merge(x, 0);
}

bool sort_more(struct sorter *x, int64_t until_us)
{
	size_t room = SLICE;

	while (x->width < x->count) {
		if (merge(x, &room))
			next_merge(x);
		if (room)
			continue;
		if (clock_mono_us() >= until_us)
			return false;
		room = SLICE;
	}
	return true;
}

const uint32_t *sort_result(const struct sorter *x, uint32_t *count_out)
{
	for (size_t i = 0; i < x->count; i++)
		x->to[i] = x->sequences[x->order[i]];
	*count_out = (uint32_t)x->count;
	return x->to;
}
