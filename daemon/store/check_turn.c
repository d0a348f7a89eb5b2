/* store/check_turn.c: slices, rests, writes and findings of a check. */
#include "daemon/store/check_turn.h"

#include <inttypes.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/store/filing.h"

#define REST_MIN_US 500
#define REST_MAX_US 20000
#define NAME_MAX_BYTES 1000 /* of what a finding quotes */

bool check_must_stop(const struct checking *c)
{
	return c->options->stop(c->options->arg) || atomic_load_explicit(&c->m->is_unwanted, memory_order_relaxed);
}

/* As long as the slice took: a check has half of one processor at most. */
enum err check_rest(struct checking *c)
{
	int64_t took_us = clock_mono_us() - c->slice_us;

	if (check_must_stop(c))
		return ERR_STATE;
	if (c->options->is_gentle) {
		took_us = took_us < REST_MIN_US ? REST_MIN_US : took_us > REST_MAX_US ? REST_MAX_US
										      : took_us;
		(void)nanosleep(&(struct timespec){ 0, took_us * 1000 }, NULL);
	}
	arena_reset(&c->scratch);
	c->slice_us = clock_mono_us();
	return ERR_OK;
}

static enum err run_repair(struct db *db, void *arg)
{
	struct check_repair *r = arg;

	r->is_done = false;
	return r->run(db, r);
}

void check_write(struct checking *c, enum err (*run)(struct db *db, struct check_repair *r), const void *arg, bool *done_out)
{
	struct check_repair r = { c, run, arg, false };

	/* A disk that is full, a page that cannot be written: then it stays as it is, and is told as not repaired. */
	*done_out = mailstore_write(c->m, run_repair, &r, FILING_ROW_WEIGHT) == ERR_OK && r.is_done;
}

static struct span kept(struct check_report *r, struct span s)
{
	return arena_copy(&r->arena, span_take(s, s.len < NAME_MAX_BYTES ? s.len : NAME_MAX_BYTES));
}

void check_tell(struct checking *c, int fault, bool is_repaired, const struct mail_where *where, struct span detail)
{
	struct check_report *r = c->report;
	struct check_finding *f;

	r->found[fault]++;
	r->repaired[fault] += is_repaired;
	if (!r->findings)
		r->findings = arena_array(&r->arena, CHECK_FINDINGS_MAX, sizeof(*r->findings));
	if (!r->findings || r->count == CHECK_FINDINGS_MAX)
		return;
	f = &r->findings[r->count++];
	*f = (struct check_finding){ .fault = fault, .is_repaired = is_repaired, .detail = kept(r, detail) };
	if (where) {
		f->mailbox = kept(r, where->name);
		f->uid = where->uid;
		f->message_id = kept(r, where->message_id);
		f->subject = kept(r, where->subject);
	}
}

void check_tell_content(struct checking *c, int fault, bool is_repaired, uint64_t content, struct span detail)
{
	struct mail_where where;
	/* On a damaged page even that may not be known. */
	const bool known = db_mail_where(c->db, content, &c->scratch, &where) == ERR_OK;

	if (!known && detail.len == 0)
		detail = arena_printf(&c->scratch, "content %" PRIu64, content);
	check_tell(c, fault, is_repaired, known ? &where : NULL, detail);
}
