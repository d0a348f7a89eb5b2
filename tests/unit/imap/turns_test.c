/* Commands that could go on for long end their turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/imap/append.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/fetch.h"
#include "daemon/imap/table.h"

#define MANY 100u
#define SLOW_MS 20 /* longer than a turn */

/* What the store is asked, and how long it takes: a clock that stands still but for that. */
static unsigned opened, enveloped, told;

static struct view *const some_view = (struct view *)&opened;

static void slow(unsigned *count)
{
	++*count;
	clock_fake_advance_ms(SLOW_MS);
}

static enum err open_readonly(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, struct view **out)
{
	(void)viewer;
	(void)m;
	(void)mailbox_id;
	slow(&opened);
	*out = some_view;
	return ERR_OK;
}

static void close_view(struct view **v)
{
	*v = NULL;
}

static uint32_t count(const struct view *v)
{
	(void)v;
	return MANY;
}

static bool is_recent(const struct view *v, uint32_t uid)
{
	(void)v;
	(void)uid;
	clock_fake_advance_ms(SLOW_MS);
	return true;
}

static enum err read_view(struct view *v, const struct uid_set *set, uint32_t after_uid, unsigned want, bool (*each)(void *arg, const struct message_row *row),
			  void *arg, uint32_t *last_uid_out, bool *end_out)
{
	struct message_row row = { .head = SPAN("A: b\r\n\r\n"), .body = { .bytes = SPAN("hello"), .size = 5 } };
	bool goes_on = true;

	(void)v;
	(void)set;
	for (row.uid = after_uid + 1; goes_on && row.uid <= MANY; row.uid++) {
		*last_uid_out = row.uid;
		goes_on = each(arg, &row);
		enveloped += want & WANT_ENVELOPE ? 1 : 0;
	}
	*end_out = goes_on;
	return ERR_OK;
}

static enum err list(struct mailstore *m, struct arena *a, struct mailbox_info **out, size_t *count_out)
{
	(void)m;
	*out = arena_array(a, MANY, sizeof **out);
	*count_out = MANY;
	for (unsigned i = 0; i < MANY; i++)
		(*out)[i] = (struct mailbox_info){ .id = i + 2, .name = arena_printf(a, "m%03u", i), .exists = true, .deleted = 1 };
	return ERR_OK;
}

static enum err deleted_bytes(struct mailstore *m, uint64_t id, uint64_t *out)
{
	(void)m;
	(void)id;
	slow(&told);
	*out = 1;
	return ERR_OK;
}

static enum err nobody_shares(void *shares, struct arena *a, uint64_t **out, size_t *count_out)
{
	(void)shares;
	(void)a;
	*out = NULL;
	*count_out = 0;
	return ERR_OK;
}

static const struct imap_service service = {
	.view_open_readonly = open_readonly,
	.view_close = close_view,
	.view_count = count,
	.view_is_recent = is_recent,
	.view_read = read_view,
	.list = list,
	.share_owners = nobody_shares,
	.deleted_bytes = deleted_bytes,
};
static const struct session_peer peer = { .tls = true };

/* A session in which this command is about to run. */
static struct imap_session *begin(const char *command, struct imap_parser *p)
{
	struct imap_session *s;

	assert_int_equal(imap_session_new(&service, NULL, &peer, false, &s), ERR_OK);
	s->state = IMAP_SELECTED;
	s->view = some_view;
	*p = (struct imap_parser){ .rest = span_str(command), .arena = &s->run.arena };
	s->run.command = imap_command_find(p);
	assert_non_null(s->run.command);
	if (s->run.command->parse != imap_parse_append)
		assert_int_equal(s->run.command->parse(p, &s->run.args), ERR_OK);
	opened = enveloped = told = 0;
	return s;
}

static void end(struct imap_session *s, struct out *out)
{
	out_clear(out);
	imap_session_free(&s);
}

static void many_urls_of_one_line_are_many_turns(void **state)
{
	struct imap_parser p;
	struct imap_session *s = begin("APPEND", &p);
	struct out out;

	(void)state;
	clock_set_source(&clock_fake);
	out_init(&out);
	s->append = calloc(1, sizeof *s->append);
	assert_non_null(s->append);
	buf_add_str(&s->line, " CATENATE (");
	for (unsigned i = 0; i < MANY; i++)
		buf_add_str(&s->line, i ? " URL ;UID=1" : "URL ;UID=1");
	buf_add_str(&s->line, ")\r\n");
	for (unsigned i = 1; i < 10; i++) {
		assert_int_equal(imap_append_walk(s, NULL), APPEND_PAUSED);
		assert_int_equal(opened, i);
	}
	end(s, &out);
}

static void mailboxes_whose_status_takes_long_are_a_turn_each(void **state)
{
	struct imap_parser p;
	struct imap_session *s = begin("LIST \"\" * RETURN (STATUS (DELETED-STORAGE))", &p);
	struct out out;

	(void)state;
	clock_set_source(&clock_fake);
	out_init(&out);
	assert_int_equal(imap_run_list(s, &s->run.args, &out), STEP_MORE);
	assert_int_equal(told, 1);
	for (unsigned i = 2; i < 10; i++) {
		assert_int_equal(imap_session_more(s, &out), STEP_MORE);
		assert_int_equal(told, i);
	}
	end(s, &out);
}

static void rows_with_envelopes_are_looked_at_one_by_one(void **state)
{
	struct imap_parser p;
	struct imap_session *s = begin("SEARCH RECENT FROM x", &p);
	struct out out;

	(void)state;
	clock_set_source(&clock_fake);
	out_init(&out);
	assert_int_equal(imap_run_search(s, &s->run.args, &out), STEP_MORE);
	while (!enveloped) /* the thin rows, by the dozen */
		assert_int_equal(imap_session_more(s, &out), STEP_MORE);
	for (unsigned i = 2; i < 10; i++) {
		assert_int_equal(imap_session_more(s, &out), STEP_MORE);
		assert_int_equal(enveloped, i);
	}
	end(s, &out);
}

static void sections_of_one_message_are_several_turns(void **state)
{
	struct imap_parser p;
	struct imap_session *s;
	struct fetch_row at = { .begun = false };
	struct message_row row = { .uid = 1 };
	struct buf command, head;
	struct out out;

	(void)state;
	clock_set_source(NULL);
	buf_init(&command, IMAP_COMMAND_MAX);
	buf_init(&head, STORE_HEAD_MAX);
	buf_add_str(&command, "FETCH 1 (");
	for (int item = 0; item < IMAP_FETCH_ITEMS_MAX; item++) {
		buf_add_str(&command, item ? " BODY.PEEK[HEADER.FIELDS (" : "BODY.PEEK[HEADER.FIELDS (");
		for (int i = 0; i < IMAP_FETCH_FIELDS_MAX; i++)
			buf_add_str(&command, i ? " a" : "a");
		buf_add_str(&command, ")]");
	}
	buf_add_str(&command, ")");
	buf_add_char(&command, 0);
	while (head.len < STORE_HEAD_MAX - 16)
		buf_add_str(&head, "b:\r\n");
	buf_add_str(&head, "\r\n");
	assert_false(command.failed || head.failed);
	s = begin(command.ptr, &p);
	out_init(&out);
	row.head = buf_span(&head);
	assert_false(fetch_render(s, &at, &row, 1, 0, false, &out));
	assert_true(at.item_at > 0 && at.item_at < IMAP_FETCH_ITEMS_MAX);
	end(s, &out);
	buf_clear(&command);
	buf_clear(&head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_urls_of_one_line_are_many_turns),
		cmocka_unit_test(mailboxes_whose_status_takes_long_are_a_turn_each),
		cmocka_unit_test(rows_with_envelopes_are_looked_at_one_by_one),
		cmocka_unit_test(sections_of_one_message_are_several_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
