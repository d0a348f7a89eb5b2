#include "tests/unit/store/fixture.h"

#include "daemon/base/buf.h"

struct seen {
	uint64_t thread, content;
	struct buf preview, refs, subject;
	bool has_preview;
};

static bool look(void *arg, const struct message_row *row)
{
	struct seen *s = arg;

	s->thread = row->thread;
	s->content = row->content;
	s->has_preview = row->preview.ptr && row->refs.ptr;
	buf_reset(&s->preview);
	buf_reset(&s->refs);
	buf_reset(&s->subject);
	buf_add(&s->preview, row->preview);
	buf_add(&s->refs, row->refs);
	buf_add(&s->subject, row->subject);
	return true;
}

static void read_one(struct fixture *f, uint64_t mailbox_id, uint32_t uid, struct seen *s)
{
	struct view *v;
	uint32_t last;
	bool end;

	*s = (struct seen){ .thread = 0 };
	buf_init(&s->preview, 4096);
	buf_init(&s->refs, 4096);
	buf_init(&s->subject, 4096);
	assert_int_equal(view_open(f->m, mailbox_id, 0, &v), ERR_OK);
	assert_int_equal(view_read(v, SET(uid, uid), 0, WANT_META | WANT_WORDS, look, s, &last, &end), ERR_OK);
	assert_int_equal(last, uid);
	view_close(&v);
}

static void clear(struct seen *s)
{
	buf_clear(&s->preview);
	buf_clear(&s->refs);
	buf_clear(&s->subject);
}

static uint64_t thread_of(struct fixture *f, uint64_t mailbox_id, uint32_t uid, uint64_t *content_out)
{
	struct seen s;

	read_one(f, mailbox_id, uid, &s);
	*content_out = s.content;
	clear(&s);
	return s.thread;
}

static uint32_t append(struct fixture *f, uint64_t mailbox_id, struct span message_id, struct span refs)
{
	struct new_message m = fixture_message("x", 0);
	struct append_result result;

	m.message_id = message_id;
	m.refs = refs;
	m.preview = SPAN("");
	assert_int_equal(message_append(f->m, mailbox_id, &m, &result), ERR_OK);
	return result.uid;
}

static uint64_t make(struct fixture *f, const char *name)
{
	assert_int_equal(mailbox_create(f->m, span_str(name), USE_NONE), ERR_OK);
	return fixture_mailbox(f, name);
}

static void words_come_back(void **state)
{
	struct fixture *f = *state;
	uint64_t inbox = make(f, "Words");
	struct new_message m = fixture_message("Hello", 0);
	struct append_result result;
	struct seen s;

	m.subject = SPAN("Hello");
	m.preview = SPAN("What it says");
	m.refs = SPAN("a@b\0c@d\0");
	assert_int_equal(message_append(f->m, inbox, &m, &result), ERR_OK);
	read_one(f, inbox, result.uid, &s);
	assert_true(s.has_preview);
	assert_true(span_equals(buf_span(&s.preview), SPAN("What it says")));
	assert_true(span_equals(buf_span(&s.refs), SPAN("a@b\0c@d\0")));
	assert_true(span_equals(buf_span(&s.subject), SPAN("Hello")));
	clear(&s);
	m.preview = m.refs = span_make(NULL, 0);
	assert_int_equal(message_append(f->m, inbox, &m, &result), ERR_OK);
	read_one(f, inbox, result.uid, &s);
	assert_false(s.has_preview);
	clear(&s);
}

static void shared_ids_make_a_thread(void **state)
{
	struct fixture *f = *state;
	uint64_t box = make(f, "Threads"), other = make(f, "Other"), first, content;
	uint32_t one = append(f, box, SPAN("<1@x>"), SPAN(""));
	uint32_t stranger = append(f, box, SPAN("<9@x>"), SPAN(""));
	uint32_t two = append(f, other, SPAN("<2@x>"), SPAN("1@x\0"));
	uint32_t sibling = append(f, box, SPAN("<4@x>"), SPAN("0@x\0"
							      "2@x\0"
							      "3@x\0"));
	uint32_t late = append(f, box, SPAN("<3@x>"), SPAN(""));
	uint64_t thread = thread_of(f, box, one, &first);

	assert_int_equal(thread, first);
	assert_int_equal(thread_of(f, other, two, &content), thread);
	assert_int_not_equal(content, first);
	assert_int_equal(thread_of(f, box, sibling, &content), thread);
	assert_int_equal(thread_of(f, box, late, &content), thread);
	assert_int_not_equal(thread_of(f, box, stranger, &content), thread);
	fixture_restart(f);
	assert_int_equal(thread_of(f, box, late, &content), thread);
}

static void keys_go_with_the_content(void **state)
{
	struct fixture *f = *state;
	uint64_t box = make(f, "Gone"), content, thread;
	uint32_t uid = append(f, box, SPAN("<gone@x>"), SPAN("before@x\0")), again;
	struct view_flags_changed *rows;
	struct view *v;
	size_t count;

	assert_int_equal(view_open(f->m, box, 0, &v), ERR_OK);
	assert_int_equal(view_store(v, SET(uid, uid), FLAGS_ADD, FLAG_DELETED, &f->arena, &rows, &count), ERR_OK);
	assert_int_equal(view_expunge(v, NULL, NULL), ERR_OK);
	view_close(&v);
	again = append(f, box, SPAN("<again@x>"), SPAN("before@x\0"
						       "gone@x\0"));
	thread = thread_of(f, box, again, &content);
	assert_int_equal(thread, content);
	fixture_check(f);
}

/* A copy is the same content: of the same thread, and its keys stay until both are gone. */
static void copies_share_their_thread(void **state)
{
	struct fixture *f = *state;
	uint64_t box = make(f, "From"), target = make(f, "To"), content, copied, thread;
	uint32_t uid = append(f, box, SPAN("<copy@x>"), SPAN("")), validity;
	struct view_flags_changed *rows;
	struct uid_pair *pairs;
	struct view *v;
	size_t count;

	assert_int_equal(view_open(f->m, box, 0, &v), ERR_OK);
	assert_int_equal(view_copy(v, SET(uid, uid), target, false, UINT64_MAX, NULL, &f->arena, &validity, &pairs, &count), ERR_OK);
	assert_int_equal(count, 1);
	thread = thread_of(f, box, uid, &content);
	assert_int_equal(thread_of(f, target, pairs[0].to, &copied), thread);
	assert_int_equal(content, copied);
	assert_int_equal(view_store(v, SET(uid, uid), FLAGS_ADD, FLAG_DELETED, &f->arena, &rows, &count), ERR_OK);
	assert_int_equal(view_expunge(v, NULL, NULL), ERR_OK);
	view_close(&v);
	uid = append(f, box, SPAN("<reply@x>"), SPAN("copy@x\0"));
	assert_int_equal(thread_of(f, box, uid, &copied), thread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(words_come_back, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(shared_ids_make_a_thread, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(keys_go_with_the_content, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(copies_share_their_thread, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
