/* Calls that wait for a password: the thread is free meanwhile, and goes on once, whoever of the two comes first. */
#include <pthread.h>

#include "tests/unit/api/world.h"

#define CALLS 24

struct waiting {
	struct api_response response;
	struct api_request request;
	struct api_call *call;
	pthread_mutex_t lock; /* guards `resumed` */
	pthread_cond_t changed;
	int resumed;
};

static void resume(void *arg)
{
	struct waiting *w = arg;

	pthread_mutex_lock(&w->lock);
	w->resumed++;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static enum api_progress begin(struct world *world, struct waiting *w, const char *body)
{
	*w = (struct waiting){ .request = { .method = SPAN("POST"), .path = SPAN("/api/v1/session"), .content_type = SPAN("application/json"), .body = span_str(body), .upload_fd = -1 } };
	w->request.peer = (struct net_addr){ .family = NET_IPV4, .ip = { 127, 0, 0, 1 } };
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	api_response_init(&w->response);
	return api_dispatch(&world->api, &w->request, &w->response, resume, w, &w->call);
}

static void finish(struct waiting *w, enum api_progress progress)
{
	while (progress == API_PARKED) {
		pthread_mutex_lock(&w->lock);
		while (!w->resumed)
			pthread_cond_wait(&w->changed, &w->lock);
		assert_int_equal(w->resumed, 1);
		w->resumed = 0;
		pthread_mutex_unlock(&w->lock);
		progress = api_continue(&w->call);
	}
	assert_null(w->call);
}

static void end(struct waiting *w)
{
	api_response_clear(&w->response);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
}

static void one_thread_has_many_questions_open(void **state)
{
	static struct waiting calls[CALLS];
	enum api_progress progress[CALLS];
	struct world *w = *state;
	int parked = 0, logged_in = 0;

	for (int i = 0; i < CALLS; i++) {
		progress[i] = begin(w, &calls[i], i % 2 ? "{\"login\":\"alice@example.org\",\"password\":\"correct-horse\"}" : "{\"login\":\"nobody@example.org\",\"password\":\"wrong-horse\"}");
		parked += progress[i] == API_PARKED;
	}
	assert_true(parked > 0);
	for (int i = 0; i < CALLS; i++) {
		finish(&calls[i], progress[i]);
		logged_in += calls[i].response.status == 201;
		assert_true(calls[i].response.status == 201 || calls[i].response.status == 401 || calls[i].response.status == 429 || calls[i].response.status == 503);
		end(&calls[i]);
	}
	assert_true(logged_in > 0);
}

static void what_needs_no_question_is_answered_at_once(void **state)
{
	struct waiting call;

	assert_int_equal(begin(*state, &call, "{}"), API_ANSWERED);
	assert_int_equal(call.response.status, 422);
	assert_null(call.call);
	assert_int_equal(call.resumed, 0);
	end(&call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_has_many_questions_open),
		cmocka_unit_test(what_needs_no_question_is_answered_at_once),
	};

	return cmocka_run_group_tests(tests, world_make, world_remove);
}
