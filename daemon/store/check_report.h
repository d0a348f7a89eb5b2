/* store/check_report.h: what a check of an account has found. */
#ifndef POSTROOM_STORE_CHECK_REPORT_H
#define POSTROOM_STORE_CHECK_REPORT_H

#include "daemon/base/arena.h"
#include "db/mail_check.h"

/* Numbers of enum mail_fault, and those that mail.db alone does not show. */
enum check_fault {
	CHECK_UNREADABLE = MAIL_FAULT_COUNT, /* rows on a damaged page */
	CHECK_PAGES,
	CHECK_INDEX, /* of a table: made again from it */
	CHECK_PARTS, /* the stored structure of a message cannot be read: made again from it */
	CHECK_FILE_MISSING,
	CHECK_FILE_SIZE,
	CHECK_FILE_UNREADABLE,
	CHECK_FILE_LEFT, /* a file that nothing names: garbage */
	CHECK_LEDGER,    /* a row of a message that the queue does not know: garbage */
	CHECK_SEARCH,    /* search.db does not fit mail.db: made again */
	CHECK_FAULT_COUNT
};

#define CHECK_FINDINGS_MAX 200 /* kept; more are counted */

struct check_finding {
	int fault;
	bool is_repaired;
	struct span mailbox; /* where a person finds it: may be empty */
	uint32_t uid;
	struct span message_id, subject, detail;
};

struct check_report {
	struct arena arena;
	struct check_finding *findings;
	size_t count;
	uint64_t found[CHECK_FAULT_COUNT], repaired[CHECK_FAULT_COUNT];
	uint64_t messages, contents, files; /* that were looked at */
	int64_t took_ms;
	bool is_whole; /* it came to its end */
};
void check_report_init(struct check_report *r);
void check_report_clear(struct check_report *r);
const char *check_fault_name(int fault);  /* "file_missing" */
const char *check_fault_words(int fault); /* "body's file is not there" */
/* What is only in the way, and no loss to anybody. */
bool check_fault_is_garbage(int fault);
/* But for garbage. */
uint64_t check_report_faults(const struct check_report *r);
uint64_t check_report_repaired(const struct check_report *r);

#endif
