/* store/check_report.c: what a check has found, and what the faults are called. */
#include "daemon/store/check_report.h"

#define REPORT_MAX (1u << 20)

static const struct {
	const char *name, *words; /* words null: db/mail_check.h has them */
	bool is_garbage;
} faults[CHECK_FAULT_COUNT] = {
	[MAIL_NO_META] = { "message_without_meta", NULL, false },
	[MAIL_NO_MAILBOX] = { "message_without_mailbox", NULL, false },
	[MAIL_UID_AHEAD] = { "uid_ahead", NULL, false },
	[MAIL_UID_ZERO] = { "uid_invalid", NULL, false },
	[MAIL_MODSEQ_AHEAD] = { "modseq_ahead", NULL, false },
	[MAIL_NO_CONTENT] = { "message_without_content", NULL, false },
	[MAIL_NOT_NAMED] = { "content_without_message", NULL, true },
	[MAIL_CONTENT_AHEAD] = { "content_id_ahead", NULL, false },
	[MAIL_BODY_PLACE] = { "body_without_place", NULL, false },
	[MAIL_BODY_LENGTH] = { "body_length", NULL, false },
	[MAIL_SIZE] = { "message_size", NULL, false },
	[MAIL_THREAD] = { "thread_order", NULL, false },
	[MAIL_CONTENT_ALONE] = { "content_without_meta", NULL, true },
	[MAIL_KEY_LEFT] = { "thread_key_left", NULL, true },
	[MAIL_KEY_WRONG] = { "thread_key_wrong", NULL, false },
	[MAIL_MAILBOX_AHEAD] = { "mailbox_ahead", NULL, false },
	[MAIL_VALIDITY_AHEAD] = { "uidvalidity_ahead", NULL, false },
	[MAIL_EXPUNGED] = { "expunge_log", NULL, false },
	[MAIL_COUNTERS] = { "counters", NULL, false },
	[MAIL_ROWS_LEFT] = { "rows_left", NULL, true },
	[CHECK_UNREADABLE] = { "unreadable", "row on a page that cannot be read", false },
	[CHECK_PAGES] = { "pages", "damaged page", false },
	[CHECK_INDEX] = { "index", "index that does not fit its table", false },
	[CHECK_PARTS] = { "structure", "stored structure that cannot be read", false },
	[CHECK_FILE_MISSING] = { "file_missing", "body's file is not there", false },
	[CHECK_FILE_SIZE] = { "file_size", "body's file has not its size", false },
	[CHECK_FILE_UNREADABLE] = { "file_unreadable", "body's file cannot be read", false },
	[CHECK_FILE_LEFT] = { "file_left", "file that no message names", true },
	[CHECK_LEDGER] = { "ledger_left", "ledger row of a message that the queue does not know", true },
	[CHECK_SEARCH] = { "search_index", "search index that does not fit the mail", false },
};

const char *check_fault_name(int fault)
{
	return faults[fault].name;
}

const char *check_fault_words(int fault)
{
	return faults[fault].words ? faults[fault].words : mail_fault_words((enum mail_fault)fault);
}

bool check_fault_is_garbage(int fault)
{
	return faults[fault].is_garbage;
}

void check_report_init(struct check_report *r)
{
	*r = (struct check_report){ .count = 0 };
	arena_init(&r->arena, REPORT_MAX);
}

void check_report_clear(struct check_report *r)
{
	arena_clear(&r->arena);
	check_report_init(r);
}

static uint64_t sum(const uint64_t counts[CHECK_FAULT_COUNT])
{
	uint64_t n = 0;

	for (int i = 0; i < CHECK_FAULT_COUNT; i++)
		n += faults[i].is_garbage ? 0 : counts[i];
	return n;
}

uint64_t check_report_faults(const struct check_report *r)
{
	return sum(r->found);
}

uint64_t check_report_repaired(const struct check_report *r)
{
	return sum(r->repaired);
}
