/* Long work: steps and their items, cancelling, failing, interruptions; and the queue in bulk over it. */
#include <sched.h>
#include <stdatomic.h>
#include <pthread.h>
#include <string.h>

#include "api/call.h"
#include "api/jobs.h"
#include "tests/unit/api/world.h"

/* What the jobs of these tests do: `steps` of two items; the last may fail. */
struct labour {
	int steps, at;
	bool fails;
};
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static int allowed, entered, freed;

static void let_through(int steps)
{
	pthread_mutex_lock(&gate_lock);
	allowed = steps;
	pthread_cond_broadcast(&gate_changed);
	pthread_mutex_unlock(&gate_lock);
}

static void wait_until_entered(int steps)
{
	pthread_mutex_lock(&gate_lock);
	while (entered < steps)
		pthread_cond_wait(&gate_changed, &gate_lock);
	pthread_mutex_unlock(&gate_lock);
}

/* A job's own things go a moment after its end can be seen. */
static void wait_until_freed(int jobs)
{
	pthread_mutex_lock(&gate_lock);
	while (freed < jobs)
		pthread_cond_wait(&gate_changed, &gate_lock);
	assert_int_equal(freed, jobs);
	pthread_mutex_unlock(&gate_lock);
}

static enum err step(struct job *job, void *arg, bool *done_out, struct note *why)
{
	struct labour *l = arg;

	l->at++;
	job_item(job, SPAN("good@example.org"), 201, "", "");
	job_item(job, SPAN("bad@example.org"), 422, "invalid", "not valid");
	*done_out = l->at == l->steps;
	if (!*done_out || !l->fails)
		return ERR_OK;
	note_set(why, "the machine is broken");
	return ERR_TEMP;
}

/* Behind each step, outside of its batch, the job waits until it is let through. */
static void committed(struct job *job, void *arg)
{
	(void)job;
	(void)arg;
	pthread_mutex_lock(&gate_lock);
	entered++;
	pthread_cond_broadcast(&gate_changed);
	while (allowed == 0)
		pthread_cond_wait(&gate_changed, &gate_lock);
	allowed--;
	pthread_mutex_unlock(&gate_lock);
}

static void free_labour(void *arg)
{
	pthread_mutex_lock(&gate_lock);
	freed++;
	pthread_cond_broadcast(&gate_changed);
	pthread_mutex_unlock(&gate_lock);
	free(arg);
}

static const struct job_work work = { .step = step, .committed = committed, .free = free_labour };

/* As a handler would; the job's id stands in *out. */
static int begin(struct world *w, int steps, bool fails, char out[32])
{
	struct api_request request = { .method = SPAN("POST"), .path = SPAN("/api/v1/users:bulk"), .upload_fd = -1, .caller = API_LOCAL_OWNER };
	struct api_call c = { .context = &w->api, .request = &request, .response = &w->response, .operation = OP_users_bulk };
	struct labour *l = calloc(1, sizeof *l);

	assert_non_null(l);
	*l = (struct labour){ .steps = steps, .fails = fails };
	c.caller = (struct caller){ .kind = CALLER_LOCAL, .role = ROLE_OWNER, .all_domains = true, .name = SPAN("uid 0"), .via = SPAN("socket") };
	arena_init(&c.arena, CALL_ARENA_MAX);
	api_response_clear(&w->response);
	api_response_init(&w->response);
	call_reply_job(&c, &work, l, (uint64_t)steps * 2);
	json_decref(w->json);
	w->json = json_loadb(w->response.body.ptr, w->response.body.len, 0, NULL);
	(void)snprintf(out, 32, "%s", got_text(w, "id"));
	arena_clear(&c.arena);
	return w->response.status;
}

/* Until the job is over. */
static const char *end_of(struct world *w, const char *id)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/api/v1/jobs/%s", id);
	do
		assert_int_equal(ask(w, "GET", path, ""), 200);
	while (strcmp(got_text(w, "state"), "waiting") == 0 || strcmp(got_text(w, "state"), "running") == 0);
	return got_text(w, "state");
}

static int make(void **state)
{
	world_make(state);
	allowed = entered = freed = 0;
	assert_int_equal(jobs_start(&((struct world *)*state)->api, &((struct world *)*state)->api.jobs, NULL), ERR_OK);
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	let_through(1000000); /* a test that failed has left some */
	jobs_stop(&w->api.jobs);
	return world_remove(state);
}

static void a_job_goes_through_its_steps_and_keeps_each_result(void **state)
{
	struct world *w = *state;
	char id[32], path[96];

	assert_int_equal(begin(w, 3, false, id), 202);
	assert_string_equal(got_text(w, "state"), "waiting");
	wait_until_entered(1);
	let_through(3);
	assert_string_equal(end_of(w, id), "done");
	assert_int_equal(got_number(w, "done"), 6);
	assert_int_equal(got_number(w, "failed"), 3);
	assert_int_equal(got_number(w, "total"), 6);
	(void)snprintf(path, sizeof path, "/api/v1/jobs/%s/items", id);
	assert_int_equal(ask(w, "GET", path, ""), 200);
	assert_int_equal(got_number(w, "data"), 6);
	assert_string_equal(got_text(w, "data/5/code"), "invalid");
	(void)snprintf(path, sizeof path, "/api/v1/jobs/%s/items?failed=1&limit=2", id);
	assert_int_equal(ask(w, "GET", path, ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
	assert_int_equal(got_number(w, "data/1/n"), 4);
	assert_true(got_text(w, "next_cursor")[0] != '\0');
	wait_until_freed(1);
	assert_int_equal(ask(w, "GET", "/api/v1/jobs/job_999/items", ""), 404);
	assert_string_equal(got_text(w, "detail"), "there is no such job");
	assert_int_equal(ask(w, "GET", "/api/v1/jobs/nonsense", ""), 404);
}

static void a_failed_step_leaves_what_was_done_before_it(void **state)
{
	struct world *w = *state;
	char id[32];

	let_through(2);
	assert_int_equal(begin(w, 2, true, id), 202);
	assert_string_equal(end_of(w, id), "failed");
	assert_string_equal(got_text(w, "detail"), "the machine is broken");
	assert_int_equal(got_number(w, "done"), 2); /* the failed step's own are rolled back */
}

static void running_and_waiting_jobs_can_be_cancelled(void **state)
{
	struct world *w = *state;
	char first[32], second[32], path[96];

	assert_int_equal(begin(w, 5, false, first), 202);
	wait_until_entered(1);
	assert_int_equal(begin(w, 5, false, second), 202);
	assert_int_equal(ask(w, "GET", "/api/v1/jobs?state=waiting", ""), 200);
	(void)snprintf(path, sizeof path, "/api/v1/jobs/%s:cancel", second);
	assert_int_equal(ask(w, "POST", path, ""), 202);
	assert_string_equal(got_text(w, "state"), "cancelled");
	(void)snprintf(path, sizeof path, "/api/v1/jobs/%s:cancel", first);
	assert_int_equal(ask(w, "POST", path, ""), 202);
	let_through(5);
	assert_string_equal(end_of(w, first), "cancelled");
	assert_int_equal(got_number(w, "done"), 2); /* the step that it was at */
	assert_int_equal(ask(w, "POST", path, ""), 409);
	wait_until_freed(2);
}

static void a_stop_leaves_interrupted_jobs(void **state)
{
	struct world *w = *state;
	char running[32], waiting[32], path[96];

	assert_int_equal(begin(w, 10000, false, running), 202);
	wait_until_entered(1);
	assert_int_equal(begin(w, 1, false, waiting), 202);
	let_through(20000);
	jobs_stop(&w->api.jobs);
	(void)snprintf(path, sizeof path, "/api/v1/jobs/%s", waiting);
	assert_int_equal(ask(w, "GET", path, ""), 200);
	assert_string_equal(got_text(w, "state"), "failed");
	assert_string_equal(got_text(w, "detail"), "interrupted");
	wait_until_freed(2);
	assert_int_equal(jobs_start(&w->api, &w->api.jobs, NULL), ERR_OK);
}

static void too_many_are_refused(void **state)
{
	struct world *w = *state;
	char id[32];

	assert_int_equal(begin(w, 1, false, id), 202);
	wait_until_entered(1);
	for (int i = 0; i < JOBS_WAITING_MAX; i++)
		assert_int_equal(begin(w, 1, false, id), 202);
	assert_int_equal(begin(w, 1, false, id), 429);
	assert_true(world_header(w, "Retry-After")[0] != '\0');
	wait_until_freed(1);
	let_through(JOBS_WAITING_MAX + 1);
}

static void without_the_daemon_all_is_done_before_the_answer(void **state)
{
	struct world *w = *state;
	char id[32];

	jobs_stop(&w->api.jobs);
	let_through(2);
	assert_int_equal(begin(w, 2, false, id), 200);
	assert_string_equal(got_text(w, "state"), "done");
	assert_int_equal(got_number(w, "done"), 4);
}

/* ---- the queue in bulk: this world's queue stands still ---- */

static void send_one(struct world *w, const char *to)
{
	char body[256];

	(void)snprintf(body, sizeof body, "{\"from\":\"alice@example.org\",\"to\":[\"%s\"],\"subject\":\"s\",\"text\":\"t\"}", to);
	assert_int_equal(ask(w, "POST", "/api/v1/messages", body), 202);
}

static void the_queue_is_filtered_and_steered_in_bulk(void **state)
{
	struct world *w = *state;
	char id[64];

	send_one(w, "bob@far.example");
	(void)snprintf(id, sizeof id, "%s", got_text(w, "id"));
	send_one(w, "carol@far.example");
	send_one(w, "dave@other.example");
	assert_int_equal(ask(w, "GET", "/api/v1/queue", ""), 200);
	assert_int_equal(got_number(w, "data"), 3);
	assert_int_equal(ask(w, "GET", "/api/v1/queue?to=*@FAR.example", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
	assert_int_equal(ask(w, "GET", "/api/v1/queue?to=carol@*&state=waiting", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/queue?state=deferred", ""), 200);
	assert_int_equal(got_number(w, "data"), 0);
	assert_int_equal(ask(w, "GET", "/api/v1/queue?domain=other.example&from=alice@example.org", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/queue?limit=2", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk", "{\"action\":\"delete\"}"), 422);
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk?dry_run=1", "{\"action\":\"delete\",\"filter\":{\"to\":\"*@far.example\"}}"), 200);
	assert_int_equal(got_number(w, "changes"), 2);
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk", "{\"action\":\"delete\",\"filter\":{\"to\":\"*@far.example\"}}"), 202);
	assert_string_equal(end_of(w, got_text(w, "id")), "done");
	assert_int_equal(ask(w, "GET", "/api/v1/queue", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	(void)snprintf(w->value, sizeof w->value, "/api/v1/queue/%s", id);
	assert_int_equal(ask(w, "GET", w->value, ""), 404);
	assert_int_equal(ask(w, "GET", "/api/v1/audit?operation=queue_bulk", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
}

static void note_commit(void *arg, enum err result)
{
	assert_int_equal(result, ERR_OK);
	atomic_store((atomic_bool *)arg, true);
}

/* Who says so on port 25. */
static void claims_to_be(struct world *w, struct span sender, struct span recipient)
{
	struct accept_envelope envelope = { .source = FROM_MX, .reverse_path = sender, .recipients = &recipient, .recipient_count = 1, .trace = SPAN("Received: x\r\n") };
	struct accept *a;
	atomic_bool kept = false;

	queue_id_new(&envelope.id);
	assert_int_equal(accept_begin(w->api.queue, &a), ERR_OK);
	assert_int_equal(accept_add(a, SPAN("Subject: secret\r\n\r\nx\r\n")), ERR_OK);
	assert_int_equal(accept_seal(a, &envelope, NULL), ERR_OK);
	accept_commit(&a, note_commit, &kept);
	while (!atomic_load(&kept))
		sched_yield();
}

static void a_forged_sender_shows_nobody_the_queue_of_others(void **state)
{
	struct world *w = *state;
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"second.example\"}"), 201);
	assert_int_equal(ask(w, "POST", "/api/v1/users", "{\"address\":\"carol@second.example\"}"), 201);
	assert_int_equal(ask(w, "POST", "/api/v1/users", "{\"address\":\"bob@example.org\"}"), 201);
	assert_int_equal(ask(w, "POST", "/api/v1/admins", "{\"user\":\"bob@example.org\",\"role\":\"domain_admin\",\"domains\":[\"example.org\"]}"), 201);
	claims_to_be(w, SPAN("alice@example.org"), SPAN("carol@second.example"));
	send_one(w, "carol@second.example");
	assert_int_equal(ask(w, "GET", "/api/v1/queue", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
	w->token = world_token(w, world_user(w, "bob@example.org"), "queue:read");
	assert_int_equal(ask(w, "GET", "/api/v1/queue", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_string_equal(got_text(w, "data/0/subject"), "s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_job_goes_through_its_steps_and_keeps_each_result, make, end),
		cmocka_unit_test_setup_teardown(a_failed_step_leaves_what_was_done_before_it, make, end),
		cmocka_unit_test_setup_teardown(running_and_waiting_jobs_can_be_cancelled, make, end),
		cmocka_unit_test_setup_teardown(a_stop_leaves_interrupted_jobs, make, end),
		cmocka_unit_test_setup_teardown(too_many_are_refused, make, end),
		cmocka_unit_test_setup_teardown(without_the_daemon_all_is_done_before_the_answer, make, end),
		cmocka_unit_test_setup_teardown(the_queue_is_filtered_and_steered_in_bulk, make, end),
		cmocka_unit_test_setup_teardown(a_forged_sender_shows_nobody_the_queue_of_others, make, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
