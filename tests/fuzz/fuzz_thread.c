/* Conversations of hostile messages: a line is a message, its subject and the ids it has and names. Every message is in the answer once, in balanced
 * parentheses. A line is also read as a stored envelope. */
#include <stdlib.h>

#include "daemon/mime/envelope_read.h"
#include "daemon/mime/refs.h"
#include "daemon/mime/subject.h"
#include "daemon/mime/thread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES_MAX 200

static void check_envelope(struct span line)
{
	struct envelope_address address;
	struct arena a;

	arena_init(&a, 1u << 20);
	for (int item = ENVELOPE_DATE; item <= ENVELOPE_MESSAGE_ID; item++) {
		struct span list;

		if (!envelope_list(line, (enum envelope_item)item, &list))
			continue;
		if (list.ptr < line.ptr || list.ptr + list.len > line.ptr + line.len)
			abort();
		while (envelope_next(&list, &a, &address))
			;
	}
	arena_clear(&a);
}

/* The subject's first byte says when it was sent. */
static void add_line(struct threading *t, uint32_t number, struct span line, struct buf *room, struct buf *refs, struct buf *id)
{
	struct thread_message m = { .number = number, .date = line.len ? line.ptr[0] % 4 : 0 };
	struct base_subject base;
	struct span subject = line, own, rest = line;
	size_t at;
	char kept[REFS_ID_MAX];

	check_envelope(line);
	if (span_find_char(line, '<', &at))
		subject = span_take(line, at);
	subject_base(subject, room, &base);
	if (base.text.len && (base.text.ptr < room->ptr || base.text.ptr + base.text.len > room->ptr + room->len))
		abort();
	m.base = base.text;
	m.is_reply = base.is_reply;
	if (refs_next(&rest, id)) {
		own = buf_span(id);
		memcpy(kept, own.ptr, own.len);
		m.message_id = span_make(kept, own.len);
	}
	buf_reset(refs);
	refs_write(rest, span_make(NULL, 0), refs);
	m.refs = buf_span(refs);
	if (thread_add(t, &m))
		abort();
}

static void check_answer(struct span text, uint32_t count)
{
	bool seen[MESSAGES_MAX + 1] = { false };
	long depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint32_t number = 0;

		depth += text.ptr[i] == '(';
		depth -= text.ptr[i] == ')';
		if (depth < 0 || (depth == 0 && text.ptr[i] != ')'))
			abort();
		if (!ascii_is_digit(text.ptr[i]))
			continue;
		for (; i < text.len && ascii_is_digit(text.ptr[i]); i++)
			number = number * 10 + (uint32_t)(text.ptr[i] - '0');
		i--;
		if (!number || number > count || seen[number])
			abort();
		seen[number] = true;
	}
	for (uint32_t number = 1; number <= count; number++)
		if (!seen[number])
			abort();
	if (depth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf room, refs, id, out;

	buf_init(&room, 100000);
	buf_init(&refs, 1u << 20);
	buf_init(&id, REFS_ID_MAX);
	buf_init(&out, 100000);
	for (enum thread_algorithm algorithm = THREAD_ORDEREDSUBJECT; algorithm <= THREAD_REFS; algorithm++) {
		struct span rest = span_make((const char *)data, size), line;
		struct threading *t;
		struct arena a;
		uint32_t count = 0;

		arena_init(&a, 64u << 20);
		buf_reset(&out);
		if (thread_begin(algorithm, size, &a, &t))
			abort();
		while (count < MESSAGES_MAX && span_split(&rest, '\n', &line))
			add_line(t, ++count, line, &room, &refs, &id);
		if (thread_finish(t, &out))
			abort();
		check_answer(buf_span(&out), count);
		arena_clear(&a);
	}
	buf_clear(&room);
	buf_clear(&refs);
	buf_clear(&id);
	buf_clear(&out);
	return 0;
}
