/* What is noted of messages is found again: by every field, after a restart, as a timeline. */
#include "tests/unit/events/fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "db/db.h"

struct mail {
	uint8_t id[16];
	const char *from, *to, *original, *subject, *message_id;
	bool ours; /* handed in here */
};

static void make_id(uint8_t id[16], unsigned number)
{
	uint64_t ms = (uint64_t)clock_real_ms();

	memset(id, 0, 16);
	for (int i = 5; i >= 0; i--, ms >>= 8)
		id[i] = (uint8_t)ms;
	id[14] = (uint8_t)(number >> 8);
	id[15] = (uint8_t)number;
	id[8] = (uint8_t)(number * 37);
}

static void arrive(struct place *p, const struct mail *m)
{
	struct trace_recipient r = { span_str(m->to), span_str(m->original) };
	struct trace_arrival a = {
		.queue_id = m->id,
		.direction = m->ours ? TRACE_OUT : TRACE_IN,
		.connected_ms = clock_real_ms() - 20,
		.at_ms = clock_real_ms(),
		.peer = SPAN("192.0.2.1:2525"),
		.helo = SPAN("client.example"),
		.tls = SPAN("TLSv1.3 TLS_AES_256_GCM_SHA384"),
		.sid = 7,
		.sender = span_str(m->from),
		.message_id = span_str(m->message_id),
		.subject = span_str(m->subject),
		.size = 1234,
		.recipients = &r,
		.recipient_count = 1,
	};

	trace_arrived(p->trace, &a);
}

static void turn(struct place *p, const struct mail *m, enum trace_state state, unsigned attempt, const char *reply)
{
	struct trace_turn t = { .queue_id = m->id, .recipient = span_str(m->to), .original = span_str(m->original), .state = state, .host = SPAN("mx.example.net"), .reply = span_str(reply), .attempt = attempt, .at_ms = clock_real_ms() };

	if (state == TRACE_DEFERRED)
		t.next_ms = clock_real_ms() + 300000;
	trace_turned(p->trace, &t);
}

static struct trace_filter any(void)
{
	return (struct trace_filter){ .state = -1, .direction = -1 };
}

static size_t count(struct place *p, const struct trace_filter *f)
{
	struct trace_row *rows;
	size_t n;
	bool more;

	assert_int_equal(trace_search(p->trace, f, 0, 100, &p->arena, &rows, &n, &more), ERR_OK);
	assert_false(more);
	arena_reset(&p->arena);
	return n;
}

static void make_some(struct place *p, struct mail m[3])
{
	static const struct mail some[3] = {
		{ .from = "Ann@Example.Test", .to = "bob@remote.example", .subject = "Invoice 17", .message_id = "<One@example.test>" },
		{ .from = "news@shop.example", .to = "ann@example.test", .original = "Sales@example.test", .subject = "Offer", .message_id = "<two@shop.example>" },
		{ .from = "", .to = "info@other.example", .subject = "Undelivered mail", .message_id = "<three@example.test>" },
	};

	for (unsigned i = 0; i < 3; i++) {
		m[i] = some[i];
		make_id(m[i].id, i + 1);
		arrive(p, &m[i]);
		clock_fake_advance_ms(1000);
	}
}

static void a_message_is_found_by_each_field(void **state)
{
	struct place *p = *state;
	struct trace_filter f;
	struct mail m[3];

	make_some(p, m);
	turn(p, &m[0], TRACE_BOUNCED, 1, "550 5.1.1 No such user");
	f = any();
	assert_int_equal(count(p, &f), 3);
#define FINDS(field, value, expected)                     \
	do {                                              \
		f = any();                                \
		f.field = (value);                        \
		assert_int_equal(count(p, &f), expected); \
	} while (0)
	FINDS(sender, SPAN("ann@EXAMPLE.test"), 1);
	FINDS(sender, SPAN("*@example.test"), 1);
	FINDS(sender, SPAN("ann@*"), 1);
	FINDS(sender, SPAN("bob@*"), 0);
	FINDS(recipient, SPAN("Bob@Remote.Example"), 1);
	FINDS(recipient, SPAN("*@remote.example"), 1);
	FINDS(recipient, SPAN("info@*"), 1);
	FINDS(recipient, SPAN("sales@example.test"), 1);
	FINDS(recipient, SPAN("sales@*"), 1);
	FINDS(recipient, SPAN("*@example.test"), 1);
	FINDS(domain, SPAN("example.test"), 2);
	FINDS(id, SPAN("<one@example.test>"), 1);
	FINDS(id, SPAN("two@shop.example"), 1);
	FINDS(id, SPAN("nobody@shop.example"), 0);
	FINDS(text, SPAN("invoice"), 1);
	FINDS(text, SPAN("NO SUCH user"), 1);
	FINDS(state, TRACE_BOUNCED, 1);
	FINDS(state, TRACE_QUEUED, 2);
	FINDS(direction, TRACE_OUT, 0);
	FINDS(since_ms, clock_real_ms() - 2500, 2);
	FINDS(until_ms, clock_real_ms() - 2500, 1);
#undef FINDS
}

static void a_domain_admin_sees_the_own_domains_only(void **state)
{
	struct place *p = *state;
	struct span mine[] = { SPAN("other.example"), SPAN("shop.example") }, many[9];
	struct trace_filter f = any();
	struct mail m[3];

	make_some(p, m);
	f.domains = mine;
	f.domain_count = 2;
	/* News from outside are not shop.example's: anybody can say so. */
	assert_int_equal(count(p, &f), 1);
	m[1].ours = true;
	make_id(m[1].id, 4);
	arrive(p, &m[1]);
	assert_int_equal(count(p, &f), 2);
	f.sender = SPAN("ann@example.test");
	assert_int_equal(count(p, &f), 0);
	f = any();
	for (size_t i = 0; i < 9; i++)
		many[i] = SPAN("other.example");
	f.domains = many;
	f.domain_count = 9;
	assert_int_equal(count(p, &f), 1);
	f.domain_count = 0;
	assert_int_equal(count(p, &f), 0);
}

static void pages_follow_one_another_without_gap(void **state)
{
	struct place *p = *state;
	struct trace_filter f = any();
	uint64_t before = 0, last = UINT64_MAX;
	size_t seen = 0, n;
	bool more = true;

	f.recipient = SPAN("*@example.test");
	for (unsigned i = 0; i < 1000; i++) {
		struct mail m = { .from = "a@b.example", .to = "ann@example.test", .subject = "x", .message_id = "<same@b.example>" };

		make_id(m.id, i);
		arrive(p, &m);
	}
	while (more) {
		struct trace_row *rows;

		assert_int_equal(trace_search(p->trace, &f, before, 90, &p->arena, &rows, &n, &more), ERR_OK);
		for (size_t i = 0; i < n; i++) {
			assert_true(rows[i].id < last);
			last = rows[i].id;
		}
		before = last;
		seen += n;
	}
	assert_int_equal(seen, 1000);
}

static struct trace_message timeline(struct place *p, const uint8_t id[16])
{
	struct trace_message out;
	char text[33];

	for (int i = 0; i < 16; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", id[i]);
	assert_int_equal(trace_find(p->trace, span_make(text, 32), &p->arena, &out), ERR_OK);
	return out;
}

static void assert_steps(const struct trace_message *m, const char *expected)
{
	char all[400] = "";
	size_t len = 0;

	for (size_t i = 0; i < m->step_count; i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? " " : "", m->steps[i].what);
	assert_string_equal(all, expected);
}

static void a_timeline_tells_all_turns_also_after_a_restart(void **state)
{
	struct place *p = *state;
	struct trace_message line;
	struct mail m[3];

	make_some(p, m);
	turn(p, &m[1], TRACE_DEFERRED, 1, "451 4.7.1 Greylisted, come back later");
	clock_fake_advance_ms(300000);
	line = timeline(p, m[1].id); /* written with the arrival; what follows changes rows */
	assert_steps(&line, "connected tls accepted expanded deferred");
	assert_int_equal(line.rows[0].state, TRACE_DEFERRED);
	turn(p, &m[1], TRACE_DEFERRED, 2, "451 4.7.1 Still greylisted");
	clock_fake_advance_ms(600000);
	turn(p, &m[1], TRACE_RELAYED, 3, "250 2.0.0 Ok");
	place_close(p);
	place_open(p);
	line = timeline(p, m[1].id);
	assert_steps(&line, "connected tls accepted expanded deferred deferred relayed");
	assert_int_equal(line.row_count, 1);
	assert_int_equal(line.rows[0].attempts, 3);
	assert_int_equal(line.rows[0].state, TRACE_RELAYED);
	assert_memory_equal(line.steps[4].detail.ptr, "451 4.7.1 Greylisted, come back later", 37);
	assert_int_equal(line.steps[4].next_ms, line.steps[4].at_ms + 300000);
	assert_memory_equal(line.steps[6].host.ptr, "mx.example.net", 14);
	assert_memory_equal(line.arrival.helo.ptr, "client.example", 14);
	assert_int_equal(line.arrival.size, 1234);
}

static void a_refusal_is_found_by_its_row(void **state)
{
	struct place *p = *state;
	struct trace_recipient r = { SPAN("nobody@example.test"), SPAN("") };
	struct trace_arrival a = { .at_ms = clock_real_ms(), .peer = SPAN("192.0.2.9:1"), .sender = SPAN("x@y.example"), .recipients = &r, .recipient_count = 1, .reply = SPAN("550 5.1.1 No such user here") };
	struct trace_filter f = any();
	struct trace_message line;
	struct trace_row *rows;
	char id[40];
	size_t n;
	bool more;

	trace_arrived(p->trace, &a);
	f.state = TRACE_REJECTED;
	assert_int_equal(trace_search(p->trace, &f, 0, 10, &p->arena, &rows, &n, &more), ERR_OK);
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].queue_id, "");
	assert_memory_equal(rows[0].last_reply.ptr, "550 5.1.1", 9);
	(void)snprintf(id, sizeof(id), "refused_%llu", (unsigned long long)rows[0].id);
	assert_int_equal(trace_find(p->trace, span_str(id), &p->arena, &line), ERR_OK);
	assert_steps(&line, "rejected");
	assert_int_equal(trace_find(p->trace, SPAN("refused_5"), &p->arena, &line), ERR_NOT_FOUND);
	assert_int_equal(trace_find(p->trace, SPAN("refused_99999999999999999999999"), &p->arena, &line), ERR_NOT_FOUND);
	assert_int_equal(trace_find(p->trace, SPAN("zz"), &p->arena, &line), ERR_NOT_FOUND);
}

static void strangers_cannot_fill_the_trace_with_refusals(void **state)
{
	struct place *p = *state;
	struct trace_recipient r = { SPAN("nobody@example.test"), SPAN("") };
	struct trace_arrival a = { .at_ms = clock_real_ms(), .sender = SPAN("x@y.example"), .recipients = &r, .recipient_count = 1, .reply = SPAN("550 5.1.1 No") };

	for (int i = 0; i < 6000; i++)
		trace_arrived(p->trace, &a);
	assert_int_equal(trace_stats(p->trace).dropped, 1000);
	clock_fake_advance_ms(1000);
	for (int i = 0; i < 201; i++)
		trace_arrived(p->trace, &a);
	assert_int_equal(trace_stats(p->trace).dropped, 1001);
}

static void a_turn_without_its_arrival_makes_what_is_known(void **state)
{
	struct place *p = *state;
	struct mail m = { .to = "bob@remote.example" };
	struct trace_message line;

	make_id(m.id, 9);
	clock_fake_advance_ms(5000);
	turn(p, &m, TRACE_RELAYED, 1, "250 Ok");
	line = timeline(p, m.id);
	assert_int_equal(line.arrival.at_ms, clock_real_ms() - 5000);
	assert_int_equal(line.row_count, 1);
	assert_memory_equal(line.rows[0].recipient.ptr, m.to, strlen(m.to));
}

static void subjects_are_left_out_when_the_setting_says_so(void **state)
{
	struct place *p = *state;
	struct mail m[3];

	assert_int_equal(directory_setting_set(p->directory, SETTING_TRACE_SUBJECTS, SPAN("false"), NULL), ERR_OK);
	make_some(p, m);
	assert_int_equal(timeline(p, m[0].id).arrival.subject.len, 0);
}

static void what_is_older_than_the_days_goes(void **state)
{
	struct place *p = *state;
	struct trace_filter f = any();
	struct mail m[3];

	assert_int_equal(directory_setting_set(p->directory, SETTING_TRACE_DAYS, SPAN("2"), NULL), ERR_OK);
	make_some(p, m);
	assert_int_equal(count(p, &f), 3);
	clock_fake_advance_ms(3 * 86400000LL);
	make_id(m[0].id, 77);
	arrive(p, &m[0]);
	WAIT_UNTIL(count(p, &f) == 1);
}

static void a_clock_set_back_loses_nothing(void **state)
{
	struct place *p = *state;
	struct trace_filter f = any();
	struct mail m[3], more[3];

	make_some(p, m);
	assert_int_equal(count(p, &f), 3);
	clock_fake_set_real_ms(clock_real_ms() - 86400000);
	make_some(p, more);
	assert_int_equal(count(p, &f), 6);
}

static void write_over(const char *path, long at, long end)
{
	FILE *f = fopen(path, "r+b");

	assert_non_null(f);
	if (!end) {
		assert_int_equal(fseek(f, 0, SEEK_END), 0);
		end = ftell(f);
	}
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	for (; at < end; at++)
		assert_int_equal(fputc('~', f), '~');
	assert_int_equal(fclose(f), 0);
}

static bool exists(const struct place *p, const char *end)
{
	char path[200];

	(void)snprintf(path, sizeof(path), "%s%s", p->path, end);
	return access(path, F_OK) == 0;
}

static void what_cannot_be_read_is_put_aside_and_noting_goes_on(void **state)
{
	struct place *p = *state;
	struct trace_filter f = any();
	struct mail m[3];
	char wal[200];

	make_some(p, m);
	assert_int_equal(count(p, &f), 3);
	for (int i = 0; i < 2; i++) {
		place_close(p);
		(void)snprintf(wal, sizeof(wal), "%s-wal", p->path);
		(void)unlink(wal);
		write_over(p->path, 0, 512);
		place_open(p);
		assert_true(exists(p, ".damaged"));
		assert_int_equal(count(p, &f), 0);
		make_some(p, m);
		assert_int_equal(count(p, &f), 3);
	}
}

static void damage_that_writing_finds_is_put_aside_at_the_end(void **state)
{
	struct place *p = *state;
	struct trace_filter f = any();
	struct db *db;
	struct mail m[3];
	int left;

	make_some(p, m);
	assert_int_equal(count(p, &f), 3);
	place_close(p);
	assert_int_equal(db_open(p->path, &db_schema_trace, DB_WRITE, &db, NULL), ERR_OK);
	assert_int_equal(db_checkpoint(db, 0, &left), ERR_OK);
	place_open(p);
	write_over(p->path, 4096 * 4, 0); /* behind the schema */
	db_close(&db);
	make_some(p, m);
	place_close(p);
	assert_true(exists(p, ".damaged"));
	place_open(p);
	make_some(p, m);
	assert_int_equal(count(p, &f), 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_found_by_each_field),
		TEST(a_domain_admin_sees_the_own_domains_only),
		TEST(pages_follow_one_another_without_gap),
		TEST(a_timeline_tells_all_turns_also_after_a_restart),
		TEST(a_refusal_is_found_by_its_row),
		TEST(strangers_cannot_fill_the_trace_with_refusals),
		TEST(a_turn_without_its_arrival_makes_what_is_known),
		TEST(subjects_are_left_out_when_the_setting_says_so),
		TEST(what_is_older_than_the_days_goes),
		TEST(a_clock_set_back_loses_nothing),
		TEST(what_cannot_be_read_is_put_aside_and_noting_goes_on),
		TEST(damage_that_writing_finds_is_put_aside_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
