/* cli/doctor.c: is this installation sane, and with --accounts its mailboxes?
 *
 * With the daemon its API is asked; while it is down the same handlers run here, under the data folder's lock. What the installation stands on is looked at
 * from here in both cases, but not of another machine (--url).
 */
#include "daemon/cli/doctor.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "api/api.h"
#include "daemon/base/clock.h"
#include "daemon/cli/doctor_ground.h"
#include "daemon/cli/doctor_rows.h"
#include "daemon/cli/local.h"
#include "daemon/cli/problem.h"
#include "daemon/cli/rows.h"
#include "daemon/cli/run.h"
#include "daemon/mime/date.h"

#define EXIT_FAULTS 1
#define PAUSE_MS 200
#define CERTIFICATE_SOON_MS (INT64_C(7) * 86400000)
#define PAGE "500"

struct doctor_run {
	struct arguments *a;
	struct target t;
	struct doctor_rows rows;
	bool daemon_runs, repairs, restored;
	int status; /* not EX_OK: it could not be found out */
};

/* ---- asking ---- */

/* The daemon, or the handler here. Null: said, and status is set. */
static json_t *ask_json(struct doctor_run *d, const char *operation, const struct span *hole, const char *query, const char *body, int *http_out)
{
	struct http_request r = { .method = "", .body = span_str(body), .content_type = body ? "application/json" : NULL };
	struct note why = { "" };
	struct answer answer = { .head = { .status = 0 } };
	struct buf path;
	json_t *out = NULL;
	enum err e;

	buf_init(&path, 131072);
	buf_init(&answer.body, API_RESPONSE_MAX);
	e = ask_path(operation, hole, hole ? 1 : 0, span_str(query), &r.method, &path);
	r.path = buf_span(&path);
	if (!e && (d->daemon_runs || !d->t.socket_path))
		e = ask(&d->t, &r, &answer, &why);
	else if (!e)
		e = local_request(&d->t.config, false, r.method, r.path, r.body, &answer.head.status, &answer.body, &why);
	buf_clear(&path);
	*http_out = answer.head.status;
	if (e) {
		problem_print_unreached(d->a, e, &why);
		d->status = ask_exit_of_err(e);
	} else if (answer.head.status >= 400) {
		problem_print(d->a, &answer);
		d->status = ask_exit_of_status(answer.head.status);
	} else {
		out = json_loadb(answer.body.ptr ? answer.body.ptr : "", answer.body.len, 0, NULL);
		if (!out) {
			fputs("postroom: the answer could not be read\n", stderr);
			d->status = EX_PROTOCOL;
		}
	}
	answer_clear(&answer);
	return out;
}

static bool daemon_runs(const struct target *t)
{
	struct stream *s = NULL;
	bool runs = target_connect(t, &s, NULL) == ERR_OK;

	stream_close(&s);
	return runs;
}

/* ---- the certificate ---- */

static const char *text(json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value ? value : "";
}

static void judge_certificate(struct doctor_run *d, const char *host, json_t *certificate)
{
	int64_t until_ms = 0;

	if (!certificate || !json_is_true(json_object_get(certificate, "is_usable"))) {
		doctor_say(&d->rows, DOCTOR_BAD, "certificate", host, "postroom cert set", certificate ? "is over, or cannot be used" : "there is none of this name");
		return;
	}
	if (date_parse_rfc3339(span_str(text(certificate, "not_after")), &until_ms) == ERR_OK && until_ms - clock_real_ms() < CERTIFICATE_SOON_MS)
		doctor_say(&d->rows, DOCTOR_NOTE, "certificate", host, "postroom cert set", "ends within days: %s", text(certificate, "not_after"));
	else if (json_is_true(json_object_get(certificate, "self_signed")))
		doctor_say(&d->rows, DOCTOR_NOTE, "certificate", host, "postroom cert set", "is self-signed: other people's programs will not believe it");
	else
		doctor_say(&d->rows, DOCTOR_OK, "certificate", host, NULL, "good until %s", text(certificate, "not_after"));
}

static json_t *find_named(json_t *list, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(list, "data"), i, item) if (strcmp(text(item, "name"), name) == 0) return item;
	return NULL;
}

static void look_at_certificate(struct doctor_run *d)
{
	int http;
	json_t *settings = ask_json(d, "settings_list", NULL, "", NULL, &http), *list = settings ? ask_json(d, "certificates_list", NULL, "limit=" PAGE, NULL, &http) : NULL;
	const char *host = text(find_named(settings, "hostname"), "value");

	if (list && host[0])
		judge_certificate(d, host, find_named(list, host));
	json_decref(list);
	json_decref(settings);
}

/* ---- accounts ---- */

static bool has_ended(json_t *job)
{
	const char *state = text(job, "state");

	return strcmp(state, "waiting") != 0 && strcmp(state, "running") != 0;
}

/* To its end; null: it could not be asked. */
static json_t *follow(struct doctor_run *d, json_t *job)
{
	int http;

	while (job && !has_ended(job)) {
		struct span id = span_str(text(job, "id"));
		json_t *next;

		(void)nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000 }, NULL);
		next = ask_json(d, "job_get", &id, "", NULL, &http);
		json_decref(job);
		job = next;
	}
	return job;
}

static void say_place(struct doctor_run *d, const char *address, json_t *fault, json_t *place)
{
	bool repaired = json_is_true(json_object_get(place, "repaired")), garbage = json_is_true(json_object_get(fault, "garbage"));
	char where[512] = "";
	long long uid = (long long)json_integer_value(json_object_get(place, "uid"));

	if (text(place, "mailbox")[0])
		(void)snprintf(where, sizeof where, uid ? "; %.300s UID %lld" : "; %.300s", text(place, "mailbox"), uid);
	doctor_say(&d->rows, garbage ? DOCTOR_NOTE : repaired ? DOCTOR_REPAIRED
							      : DOCTOR_BAD,
		   text(fault, "fault"), address, garbage || repaired ? NULL : d->repairs ? "find the message in a backup"
											  : "postroom doctor --accounts --repair, or a backup",
		   "%s%s%s%.200s%s%.300s%s%.300s", text(fault, "words"), where, text(place, "message_id")[0] ? "; " : "", text(place, "message_id"), text(place, "subject")[0] ? "; " : "", text(place, "subject"),
		   text(place, "detail")[0] ? "; " : "", text(place, "detail"));
}

static void say_findings(struct doctor_run *d, const char *address)
{
	struct span hole = span_str(address);
	int http;
	json_t *check = ask_json(d, "user_check_get", &hole, "", NULL, &http), *fault, *place;
	size_t i, k;

	json_array_foreach(json_object_get(check, "findings"), i, fault)
	{
		json_array_foreach(json_object_get(fault, "places"), k, place) say_place(d, address, fault, place);
		if ((json_int_t)json_array_size(json_object_get(fault, "places")) < json_integer_value(json_object_get(fault, "count")))
			doctor_say(&d->rows, json_is_true(json_object_get(fault, "garbage")) ? DOCTOR_NOTE : DOCTOR_BAD, text(fault, "fault"), address, NULL, "%s: %lld in all", text(fault, "words"),
				   (long long)json_integer_value(json_object_get(fault, "count")));
	}
	json_decref(check);
}

static void say_item(struct doctor_run *d, json_t *item)
{
	const char *address = text(item, "subject"), *code = text(item, "code");
	bool is_found = strcmp(code, "damaged") == 0 || strcmp(code, "repaired") == 0;

	if (!is_found && json_integer_value(json_object_get(item, "status")) >= 400)
		doctor_say(&d->rows, DOCTOR_BAD, "account", address, NULL, "%s", text(item, "detail"));
	else if (!is_found)
		doctor_say(&d->rows, DOCTOR_OK, "account", address, NULL, "%s", text(item, "detail"));
	if (json_integer_value(json_object_get(item, "status")) != 404)
		say_findings(d, address);
}

static void say_items(struct doctor_run *d, json_t *job)
{
	struct span id = span_str(text(job, "id"));
	char query[512] = "limit=" PAGE;

	while (query[0]) {
		int http;
		json_t *page = ask_json(d, "job_items_list", &id, query, NULL, &http), *item;
		const char *next = text(page, "next_cursor");
		size_t i;

		json_array_foreach(json_object_get(page, "data"), i, item) say_item(d, item);
		query[0] = '\0';
		if (next[0])
			(void)snprintf(query, sizeof query, "limit=" PAGE "&cursor=%s", next);
		json_decref(page);
	}
	if (strcmp(text(job, "state"), "done") != 0)
		doctor_say(&d->rows, DOCTOR_BAD, "accounts", text(job, "id"), NULL, "the job ended early: %s %s", text(job, "state"), text(job, "detail"));
}

static void look_at_accounts(struct doctor_run *d)
{
	json_t *body = json_pack("{s:b, s:b}", "repair", (int)d->repairs, "restored", (int)d->restored), *names = json_array(), *job;
	const char *name;
	char *sent;
	size_t at = 0;
	int http;

	while ((name = arguments_next(d->a, "ADDRESS", &at)) != NULL)
		json_array_append_new(names, json_string(name));
	if (json_array_size(names) > 0)
		json_object_set(body, "accounts", names);
	sent = json_dumps(body, JSON_COMPACT);
	job = sent ? ask_json(d, "checks_create", NULL, "", sent, &http) : NULL;
	job = follow(d, job);
	if (job)
		say_items(d, job);
	json_decref(job);
	free(sent);
	json_decref(names);
	json_decref(body);
}

/* ---- all ---- */

static int show(const struct doctor_run *d)
{
	struct rows rows;

	if (rows_begin(&rows, d->a->form, d->a->columns ? d->a->columns : d->a->verb->columns) != ERR_OK)
		return EX_USAGE;
	rows.named = d->a->columns != NULL;
	rows_add(&rows, d->rows.list);
	rows_end(&rows, NULL, -1);
	return d->status != EX_OK ? d->status : d->rows.bad ? EXIT_FAULTS
							    : EX_OK;
}

int run_doctor(struct arguments *a)
{
	struct doctor_run d = { .a = a };
	struct note why = { "only --accounts knows addresses, repairs, and what was restored" };
	size_t at = 0;
	bool accounts = arguments_flag(a, "--accounts");

	if (!accounts && (arguments_next(a, "ADDRESS", &at) || arguments_flag(a, "--repair") || arguments_flag(a, "--restored")))
		return run_usage(a, &why);
	d.status = run_find_target(a, &d.t);
	if (d.status != EX_OK)
		return d.status;
	d.repairs = arguments_flag(a, "--repair") && !a->dry_run;
	d.restored = arguments_flag(a, "--restored") && !a->dry_run;
	d.rows.list = json_array();
	d.daemon_runs = daemon_runs(&d.t);
	if (d.t.socket_path && !accounts)
		doctor_ground(&d.rows, &d.t.config, d.daemon_runs);
	if (accounts)
		look_at_accounts(&d);
	else
		look_at_certificate(&d);
	d.status = show(&d);
	json_decref(d.rows.list);
	target_clear(&d.t);
	return d.status;
}
