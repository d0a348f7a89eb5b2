/* How much memory a body may take. */
#include "api/room.h"

#include <malloc.h>
#include <string.h>

#include "tests/unit/api/world.h"

static void what_is_quoted_takes_no_room(void **state)
{
	const uint64_t plain = room_of_json(SPAN("{\"a\":\"xxxxxxxx\"}"));

	(void)state;
	assert_int_equal(room_of_json(SPAN("{\"a\":\"{[,:{[,:\"}")), plain);
	assert_int_equal(room_of_json(SPAN("{\"a\":\"x\\\"{[:,\\\\\"}")), plain + 1);
	assert_true(room_of_json(SPAN("{\"a\":[]}")) > plain);
	assert_int_equal(room_of_json(SPAN("")), 0);
}

/* `count` times `one`, within what stands before and after. */
static char *repeat(const char *before, const char *one, size_t count, const char *after)
{
	struct buf text;
	char *out;

	buf_init(&text, (size_t)64 << 20);
	buf_add_str(&text, before);
	for (size_t i = 0; i < count; i++) {
		buf_add_str(&text, i ? "," : "");
		buf_add_str(&text, one);
	}
	buf_add_str(&text, after);
	assert_false(text.failed);
	out = strndup(text.ptr, text.len);
	assert_non_null(out);
	buf_clear(&text);
	return out;
}

/* Never less than what malloc() gives. */
static void what_is_said_is_enough(void **state)
{
	static const char *const ones[] = { "{}", "[]", "1", "\"x\"", "{\"address\":\"a\"}", "[1,2]", "{\"a\":1,\"b\":{\"c\":[]}}", "[[[]]]", "\"\"", "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9}" };

	(void)state;
	for (size_t i = 0; i < sizeof(ones) / sizeof(ones[0]); i++) {
		char *text = repeat("{\"list\":[", ones[i], 20000, "]}");
		size_t before = mallinfo2().uordblks;
		json_t *value = json_loads(text, 0, NULL);
		size_t took = mallinfo2().uordblks - before;

		assert_non_null(value);
		if (took > room_of_json(span_str(text)))
			fail_msg("%s: %zu bytes of %zu", ones[i], took, (size_t)room_of_json(span_str(text)));
		json_decref(value);
		free(text);
	}
}

static void body_of_very_many_values_is_too_large(void **state)
{
	struct world *w = *state;
	char *text = repeat("{\"login\":[", "{}", 300000, "]}");

	w->also.caller = API_NOBODY;
	assert_int_equal(net_ip_parse(SPAN("198.51.100.1"), &w->also.peer), ERR_OK);
	assert_int_equal(ask(w, "POST", "/api/v1/session", text), 413);
	assert_string_equal(got_text(w, "code"), "too_large");
	free(text);
	w->also = (struct api_request){ 0 };
	text = repeat("{\"users\":[", "{}", 2000000, "]}");
	assert_int_equal(ask(w, "POST", "/api/v1/users:import", text), 413);
	free(text);
	/* What was refused, or is over, holds nothing. */
	for (int i = 0; i < 8; i++) {
		text = repeat("{\"users\":[", "{\"address\":\"x\"}", 100000, "]}");
		assert_int_equal(ask(w, "POST", "/api/v1/users:import?dry_run=1", text), 422);
		free(text);
	}
}

static void what_others_have_is_not_there(void **state)
{
	struct world *w = *state;

	assert_true(room_take(ROOM_SHARED_MAX - 100));
	assert_false(room_take(101));
	assert_int_equal(ask(w, "POST", "/api/v1/users:import", "{\"users\":[{\"address\":\"bob@example.org\"}]}"), 503);
	assert_string_equal(got_text(w, "code"), "busy");
	assert_int_equal(ask(w, "POST", "/api/v1/users", "{\"address\":\"bob@example.org\"}"), 201);
	room_give_back(ROOM_SHARED_MAX - 100);
	assert_int_equal(ask(w, "POST", "/api/v1/users:import", "{\"users\":[{\"address\":\"carl@example.org\"}]}"), 200);
	assert_true(room_take(ROOM_SHARED_MAX));
	room_give_back(ROOM_SHARED_MAX);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_quoted_takes_no_room),
		cmocka_unit_test(what_is_said_is_enough),
		CASE(body_of_very_many_values_is_too_large),
		CASE(what_others_have_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
