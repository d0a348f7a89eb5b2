/* Hundreds of accounts share mailboxes with a session: commands that go through them open one a turn, and wake-ups do, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/table.h"

#define OWNERS 200u
#define OWN 1000u  /* account */
#define SLOW_MS 20 /* longer than a turn */

static unsigned opened;
static uint64_t version = 1;
static char place; /* stands for each store */

static enum err owners(void *shares, struct arena *a, uint64_t **out, size_t *count_out)
{
	(void)shares;
	*out = arena_array(a, OWNERS, sizeof **out);
	*count_out = OWNERS;
	for (unsigned i = 0; *out && i < OWNERS; i++)
		(*out)[i] = i + 1;
	return ERR_OK;
}

static struct span address(void *shares, uint64_t account_id, struct arena *a)
{
	(void)shares;
	return arena_printf(a, "o%03u@example.org", (unsigned)account_id);
}

static unsigned rights(void *shares, uint64_t owner, uint64_t mailbox_id)
{
	(void)shares;
	(void)owner;
	(void)mailbox_id;
	return RIGHT_LOOKUP | RIGHT_READ;
}

static uint64_t version_now(void *shares)
{
	(void)shares;
	return version;
}

static enum err slow_open(void *shares, uint64_t owner, struct mailstore **out)
{
	(void)shares;
	(void)owner;
	opened++;
	clock_fake_advance_ms(SLOW_MS);
	*out = (struct mailstore *)&place;
	return ERR_OK;
}

static void close_store(struct mailstore **m)
{
	*m = NULL;
}

static enum err list(struct mailstore *m, struct arena *a, struct mailbox_info **out, size_t *count_out)
{
	(void)m;
	*out = arena_array(a, 2, sizeof **out);
	*count_out = 2;
	if (!*out)
		return ERR_LIMIT;
	(*out)[0] = (struct mailbox_info){ .id = 1, .name = SPAN("INBOX"), .exists = true, .uid_validity = 1, .uid_next = 1 };
	(*out)[1] = (struct mailbox_info){ .id = 2, .name = SPAN("Sent"), .exists = true, .uid_validity = 1, .uid_next = 1 };
	return ERR_OK;
}

static enum err find(struct mailstore *m, struct span name, struct arena *a, struct mailbox_info *out)
{
	(void)m;
	(void)a;
	*out = (struct mailbox_info){ .name = name };
	return ERR_NOT_FOUND;
}

static enum err name_normal(struct span name, struct arena *a, struct span *out)
{
	*out = arena_copy(a, name);
	return ERR_OK;
}

static void watch(void *ctx, struct mailstore *m, uint64_t mailbox_id, struct store_watch *w)
{
	(void)ctx;
	(void)m;
	(void)mailbox_id;
	(void)w;
}

static void unwatch(void *ctx, struct mailstore *m, struct store_watch *w)
{
	(void)ctx;
	(void)m;
	(void)w;
}

static enum err follow(struct mailstore *m, uint64_t viewer, struct journal_mark *out)
{
	(void)m;
	*out = (struct journal_mark){ .viewer = viewer };
	return ERR_OK;
}

static void leave(struct mailstore *m)
{
	(void)m;
}

static enum err no_news(struct mailstore *m, struct journal_mark *mark, struct arena *a, struct journal_news *out)
{
	(void)m;
	(void)mark;
	(void)a;
	*out = (struct journal_news){ .name_count = 0 };
	return ERR_OK;
}

static uint64_t mark(struct mailstore *m)
{
	(void)m;
	return 0;
}

static const struct imap_service service = {
	.share_owners = owners,
	.share_address = address,
	.share_rights = rights,
	.share_version = version_now,
	.share_open = slow_open,
	.url_close = close_store,
	.list = list,
	.find = find,
	.name_normal = name_normal,
	.watch = watch,
	.unwatch = unwatch,
	.journal_follow = follow,
	.journal_leave = leave,
	.journal_read = no_news,
	.annotation_mark = mark,
};
static const struct session_peer peer = { .tls = true };

static struct imap_session *begin(void)
{
	struct imap_session *s;

	clock_set_source(&clock_fake);
	assert_int_equal(imap_session_new(&service, NULL, &peer, false, &s), ERR_OK);
	s->state = IMAP_AUTHED;
	s->account_id = OWN;
	opened = 0;
	return s;
}

static enum step run(struct imap_session *s, const char *command, struct out *out)
{
	struct imap_parser p = { .rest = span_str(command), .arena = &s->run.arena };

	s->run.tag[0] = 'a';
	s->run.command = imap_command_find(&p);
	assert_non_null(s->run.command);
	assert_int_equal(s->run.command->parse(&p, &s->run.args), ERR_OK);
	return s->run.command->run(s, &s->run.args, out);
}

/* Until `until` accounts were opened: one a turn. */
static void expect_one_a_turn(struct imap_session *s, struct out *out, unsigned until)
{
	assert_int_equal(opened, 1);
	for (unsigned i = 2; i <= until; i++) {
		assert_int_equal(imap_session_more(s, out), STEP_MORE);
		assert_int_equal(opened, i);
	}
}

static void searches_of_what_is_shared_open_one_account_a_turn(void **state)
{
	struct imap_session *s = begin();
	struct out out;

	(void)state;
	out_init(&out);
	assert_int_equal(run(s, "ESEARCH IN (subtree Shared) ALL", &out), STEP_MORE);
	expect_one_a_turn(s, &out, OWNERS);
	out_clear(&out);
	imap_session_free(&s);
}

static void only_accounts_that_are_meant_are_opened_for_a_search(void **state)
{
	struct imap_session *s = begin();
	struct out out;

	(void)state;
	out_init(&out);
	assert_int_equal(run(s, "ESEARCH IN (subtree-one (Shared/o007@example.org Shared) mailboxes None) ALL", &out), STEP_MORE);
	assert_int_equal(opened, 1);
	out_clear(&out);
	imap_session_free(&s);
}

static void lists_open_one_account_a_turn(void **state)
{
	struct imap_session *s = begin();
	struct out out;

	(void)state;
	out_init(&out);
	assert_int_equal(run(s, "LIST \"\" *", &out), STEP_MORE);
	expect_one_a_turn(s, &out, OWNERS);
	out_clear(&out);
	imap_session_free(&s);
}

/* Followed, then looked at: twice; and looked at again when grants have changed. */
static void notify_opens_one_account_a_turn(void **state)
{
	struct imap_session *s = begin();
	struct out out;
	unsigned before;

	(void)state;
	out_init(&out);
	assert_int_equal(run(s, "NOTIFY SET STATUS (subtree Shared (MessageNew MessageExpunge))", &out), STEP_MORE);
	expect_one_a_turn(s, &out, 2 * OWNERS);
	while (imap_session_more(s, &out) == STEP_MORE)
		;
	assert_null(s->run.more);
	assert_non_null(s->notify);
	before = opened;
	assert_int_equal(before, 2 * OWNERS);
	version++;
	assert_int_equal(imap_session_event(s, SESSION_WAKE, &out), STEP_MORE);
	for (unsigned i = 2; i <= OWNERS; i++) {
		assert_int_equal(opened - before, i - 1);
		assert_int_equal(imap_session_more(s, &out), STEP_MORE);
	}
	while (imap_session_more(s, &out) == STEP_MORE)
		;
	assert_int_equal(opened - before, OWNERS);
	/* Nothing has changed: nobody is asked again. */
	assert_int_equal(imap_session_event(s, SESSION_WAKE, &out), STEP_REPLY);
	assert_int_equal(opened - before, OWNERS);
	out_clear(&out);
	imap_session_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(searches_of_what_is_shared_open_one_account_a_turn),
		cmocka_unit_test(only_accounts_that_are_meant_are_opened_for_a_search),
		cmocka_unit_test(lists_open_one_account_a_turn),
		cmocka_unit_test(notify_opens_one_account_a_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
