/* api/checks.c: POST /checks, GET /users/{}/check: are accounts' mailboxes sane? A job with an item an account.
 *
 * A check takes seconds or minutes and must hold no batch of the directory open: it runs behind the commit of a step, and the next step writes its result.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "api/given.h"
#include "api/jobs.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/events/events.h"
#include "daemon/ops/doctor.h"
#include "db/control_check.h"

#define MEMORY_MAX ((size_t)64 << 20)

struct target {
	uint64_t id;      /* 0: there is none */
	struct span name; /* as it was given, or the address */
};

struct checks {
	struct arena arena;
	struct job *job;
	struct doctor_wish wish;
	struct target *targets;
	size_t count, at;
	bool has_result; /* of `at`, to be written by the next step */
	enum err result;
	struct doctor_result found;
	struct note why;
};

static void checks_free(void *arg)
{
	struct checks *k = arg;

	if (k)
		arena_clear(&k->arena);
	free(k);
}

/* ---- the job ---- */

static enum err write_repair(struct job *job, const struct checks *k, const struct target *t)
{
	struct change change = { .verb = "repair", .subject = t->name, .domain = given_domain_of(t->name), .event = -1 };

	if (!k->wish.repairs || !k->found.repaired)
		return ERR_OK;
	change.after = json_pack("{s:I, s:I}", "faults", (json_int_t)k->found.faults, "repaired", (json_int_t)k->found.repaired);
	return job_change(job, &change);
}

static enum err write_renewal(struct job *job, const struct checks *k, const struct target *t)
{
	struct change change = { .verb = "renew", .subject = t->name, .domain = given_domain_of(t->name), .event = -1 };

	if (!k->found.is_renewed)
		return ERR_OK;
	change.after = json_pack("{s:b}", "renewed", 1);
	return job_change(job, &change);
}

static enum err write_result(struct job *job, const struct checks *k)
{
	const struct target *t = &k->targets[k->at];
	enum err e;

	if (!t->id) {
		job_item(job, t->name, 404, "not_found", "there is no such user");
		return ERR_OK;
	}
	if (k->result == ERR_NOT_FOUND) {
		job_item(job, t->name, 200, "", "no mailbox yet");
		return ERR_OK;
	}
	if (k->result == ERR_OK && k->found.faults == 0)
		job_item(job, t->name, 200, "", k->found.words.text);
	else if (k->result == ERR_OK)
		job_item(job, t->name, k->found.faults == k->found.repaired ? 200 : 409, k->found.faults == k->found.repaired ? "repaired" : "damaged", k->found.words.text);
	else if (k->result == ERR_STATE)
		job_item(job, t->name, 409, "interrupted", "the check was interrupted");
	else
		job_item(job, t->name, 500, "not_checked", k->why.text[0] ? k->why.text : err_name(k->result));
	e = write_renewal(job, k, t);
	return e ? e : write_repair(job, k, t);
}

static enum err step(struct job *job, void *arg, bool *done_out, struct note *why)
{
	struct checks *k = arg;
	enum err e = ERR_OK;

	(void)why;
	k->job = job;
	if (k->has_result)
		e = write_result(job, k);
	*done_out = k->at + k->has_result == k->count;
	return e;
}

static bool must_end(void *arg)
{
	const struct checks *k = arg;

	return job_must_end(k->job);
}

static void committed(struct job *job, void *arg)
{
	struct checks *k = arg;
	const struct target *t;

	k->at += k->has_result;
	k->has_result = k->at < k->count;
	if (!k->has_result)
		return;
	t = &k->targets[k->at];
	k->why.text[0] = '\0';
	k->found = (struct doctor_result){ .faults = 0 };
	if (t->id)
		k->result = doctor_check(job_context(job)->doctor, t->id, k->wish, must_end, k, &k->found, &k->why);
}

/* ---- the requests ---- */

static void add_target(struct checks *k, struct span name, uint64_t id)
{
	k->targets[k->count++] = (struct target){ id, arena_copy(&k->arena, name) };
}

static void find_targets(struct api_call *c, const struct snapshot *s, struct checks *k)
{
	const struct account *const *accounts;
	size_t count;

	if (body_has(c, "accounts")) {
		const struct span *names = body_texts(c, "accounts", &count);

		k->targets = arena_array(&k->arena, count, sizeof(*k->targets));
		for (size_t i = 0; i < count && k->targets; i++) {
			const struct account *a;

			if (user_find(c, s, names[i], &a, NULL) == ERR_OK)
				add_target(k, a->address, a->id);
			else
				add_target(k, names[i], 0);
		}
		return;
	}
	count = snapshot_accounts(s, &accounts);
	k->targets = count <= JOB_ITEMS_MAX ? arena_array(&k->arena, count, sizeof(*k->targets)) : NULL;
	for (size_t i = 0; i < count && k->targets; i++)
		add_target(k, accounts[i]->address, accounts[i]->id);
}

void api_checks_create(struct api_call *c)
{
	static const struct job_work work = { step, committed, checks_free };
	const struct snapshot *s;
	struct checks *k;

	if (!c->context->doctor) {
		call_reply_error(c, ERR_TEMP, NULL);
		return;
	}
	k = calloc(1, sizeof(*k));
	if (!k) {
		call_reply_error(c, ERR_TEMP, NULL);
		return;
	}
	arena_init(&k->arena, MEMORY_MAX);
	k->wish = (struct doctor_wish){ .repairs = body_flag(c, "repair"), .restored = body_flag(c, "restored") };
	s = call_directory(c);
	find_targets(c, s, k);
	call_release(c, &s);
	if (!k->targets || k->arena.failed) {
		checks_free(k);
		call_reply_problem(c, 422, "limit", "accounts", "more than %d accounts: name some", JOB_ITEMS_MAX);
		return;
	}
	call_reply_job(c, &work, k, k->count);
}

struct finding {
	struct api_call *c;
	uint64_t account;
	struct db_check row;
};

static enum err find_row(struct db *db, void *arg)
{
	struct finding *f = arg;

	return db_check_find(db, f->account, &f->c->arena, &f->row);
}

void api_user_check_get(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	struct finding f = { .c = c };
	const struct account *a;
	struct note why = { "" };
	struct span address = SPAN("");
	json_t *out;
	enum err e = user_find(c, s, c->args[0], &a, &why);

	if (!e) {
		f.account = a->id;
		address = arena_copy(&c->arena, a->address);
	}
	call_release(c, &s);
	if (e) {
		call_reply_error(c, e, &why);
		return;
	}
	e = directory_read(c->context->directory, find_row, &f);
	if (e && e != ERR_NOT_FOUND) {
		call_reply_error(c, e, NULL);
		return;
	}
	/* Never checked: no time. */
	out = e ? json_pack("{s:o, s:n, s:n, s:b, s:b, s:i, s:i, s:i, s:[]}", "address", json_span(address), "checked_at", "took_ms", "complete", 0, "repairs", 0, "messages", 0, "faults", 0, "repaired", 0, "findings")
		: json_pack("{s:o, s:o, s:I, s:b, s:b, s:I, s:I, s:I, s:o}", "address", json_span(address), "checked_at", json_time(f.row.at_ms), "took_ms", (json_int_t)f.row.took_ms, "complete", (int)f.row.is_whole,
			    "repairs", (int)f.row.repairs, "messages", (json_int_t)f.row.messages, "faults", (json_int_t)f.row.faults, "repaired", (json_int_t)f.row.repaired, "findings",
			    json_loadb(f.row.findings.ptr, f.row.findings.len, 0, NULL));
	call_reply_json(c, 200, &out);
}
