/* api/aliases_import.c: POST /aliases:import. An alias that is there gets the new targets. */
#include <jansson.h>

#include "api/given.h"
#include "api/import.h"
#include "api/resources.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

#define TARGETS_MAX 1000

enum column { ADDRESS,
	      TARGETS,
	      COLUMNS };
static const char *const columns[] = { "address", "targets" };

struct alias_item {
	struct import_item item;
	struct span *targets;
	size_t count;
};

static unsigned prepare(const struct api_context *context, const struct reach *reach, const struct row *row, bool is_plan, struct arena *a, struct import_item *item)
{
	struct alias_item *alias = (struct alias_item *)item;
	struct span rest = row->values[TARGETS], one;

	(void)context;
	(void)reach;
	(void)is_plan;
	while (rest.len > 0 && import_next_address(&rest, &one))
		alias->count++;
	if (row->values[ADDRESS].len > ADDRESS_MAX || alias->count > TARGETS_MAX) {
		note_set(&item->why, "an address has at most %d bytes, an alias %d targets", ADDRESS_MAX, TARGETS_MAX);
		item->error = ERR_LIMIT;
		return 0;
	}
	alias->targets = arena_array(a, alias->count, sizeof(*alias->targets));
	rest = row->values[TARGETS];
	for (size_t i = 0; i < alias->count && alias->targets && import_next_address(&rest, &one); i++)
		alias->targets[i] = arena_copy(a, one);
	if (a->failed)
		item->error = ERR_TEMP;
	return 0;
}

static enum err apply(const struct api_context *context, const struct reach *reach, struct import_item *item, struct arena *a, struct change *change, int *status_out, struct note *why)
{
	const struct alias_item *alias = (const struct alias_item *)item;
	struct directory *d = context->directory;
	struct span given = given_domain_of(item->subject), domain;
	enum err e;

	if (address_domain_normal(given, a, &domain) != ERR_OK)
		domain = given;
	if (!reach_has(reach, domain)) {
		note_set(why, "%.*s: not a domain of this server", (int)span_take(given, 100).len, given.ptr);
		return ERR_NOT_FOUND;
	}
	e = directory_alias_set(d, item->subject, alias->targets, alias->count, why);
	*status_out = 200;
	if (e == ERR_NOT_FOUND) {
		e = directory_alias_add(d, item->subject, alias->targets, alias->count, why);
		*status_out = 201;
	}
	if (e)
		return e;
	*change = (struct change){ .verb = *status_out == 201 ? "create" : "update", .subject = item->subject, .domain = domain, .event = EVENT_ALIAS_CHANGED };
	change->after = json_pack("{s:o, s:o}", "address", json_span(item->subject), "targets", json_spans(alias->targets, alias->count));
	return ERR_OK;
}

void api_aliases_import(struct api_call *c)
{
	static const struct import_kind kind = { "aliases", columns, COLUMNS, sizeof(struct alias_item), prepare, apply, NULL };

	import_reply(c, &kind);
}
