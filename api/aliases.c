/* api/aliases.c: /aliases; the address "@domain" is the domain's catch-all. */
#include <jansson.h>

#include "api/pending.h"
#include "api/resources.h"
#include "daemon/directory/manage.h"

void api_aliases_list(struct api_call *c)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	const struct alias *aliases;
	size_t count = snapshot_aliases(s, &aliases);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:o, s:o}", "address", json_span(aliases[i].address), "targets", json_spans(aliases[i].targets, aliases[i].target_count)));
	snapshot_release(&s);
	call_reply_page(c, &(struct page){ .list = list, .total = -1 });
}

void api_alias_create(struct api_call *c)
{
	struct span address = SPAN("");
	const struct span *targets = NULL;
	size_t target_count = 0;
	const struct body_field fields[] = {
		{ .name = "address", .kind = FIELD_STRING, .required = true, .string = &address },
		{ .name = "targets", .kind = FIELD_STRINGS, .required = true, .strings = &targets, .strings_count = &target_count },
	};
	struct note why = { "" };
	enum err e;
	json_t *out;

	if (!call_read_body(c, fields, 2))
		return;
	e = directory_alias_add(c->context->directory, address, targets, target_count, &why);
	if (e != ERR_OK) {
		call_reply_error(c, e, &why);
		return;
	}
	out = json_pack("{s:o, s:o}", "address", json_span(address), "targets", json_spans(targets, target_count));
	call_reply_json(c, 201, &out);
}

void api_alias_delete(struct api_call *c)
{
	struct note why = { "" };
	enum err e = directory_alias_remove(c->context->directory, c->args[0], &why);

	if (e == ERR_OK)
		call_reply_empty(c);
	else
		call_reply_error(c, e, &why);
}
