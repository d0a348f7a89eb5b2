/* cli/steering.c: verbs that do something to messages of the queue: one by its id, or many by ids, by a filter, or all. */
#include "daemon/cli/steering.h"

#include <jansson.h>
#include <string.h>

#include "daemon/cli/run.h"

#define ACTION_AT (sizeof("queue_") - 1) /* of the operation's name */

static int say(const struct arguments *a, const char *words)
{
	struct note why;

	note_set(&why, "%s", words);
	return run_usage(a, &why);
}

/* The one message stands in the path. */
static int run_one(struct arguments *a, json_t *ids)
{
	json_t *id = json_array_get(ids, 0);

	a->holes[a->hole_count++] = arena_copy(&a->arena, span_make(json_string_value(id), json_string_length(id)));
	json_object_del(a->body, "ids");
	if (json_object_size(a->body) == 0) {
		json_decref(a->body);
		a->body = NULL;
	}
	return run_api(a);
}

static int run_many(struct arguments *a, bool by_id)
{
	struct verb bulk = *a->verb;
	const struct verb *own = a->verb;
	int status;

	if (!a->body)
		a->body = json_object();
	if (!by_id && !json_object_get(a->body, "filter"))
		json_object_set_new(a->body, "filter", json_object());
	json_object_set_new(a->body, "action", json_string(own->operation + ACTION_AT));
	bulk.operation = "queue_bulk";
	bulk.done = NULL;
	a->verb = &bulk;
	status = run_api(a);
	a->verb = own;
	return status;
}

int run_steer(struct arguments *a)
{
	json_t *ids = json_object_get(a->body, "ids"), *filter = json_object_get(a->body, "filter");

	if (json_array_size(ids) > 0 && (filter || a->all))
		return say(a, "either IDs, or options that say which, or --all");
	if (json_array_size(ids) == 0 && !filter && !a->all)
		return say(a, "which messages? IDs, options that say which, or --all");
	return json_array_size(ids) == 1 ? run_one(a, ids) : run_many(a, json_array_size(ids) > 0);
}
