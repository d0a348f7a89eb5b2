/* api/domains.c: /domains. */
#include <jansson.h>

#include "api/pending.h"
#include "api/resources.h"
#include "daemon/directory/manage.h"

void api_domains_list(struct api_call *c)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	const struct span *domains;
	size_t count = snapshot_domains(s, &domains);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:o}", "name", json_span(domains[i])));
	snapshot_release(&s);
	call_reply_page(c, &(struct page){ .list = list, .total = -1 });
}

void api_domain_create(struct api_call *c)
{
	struct span name = SPAN("");
	const struct body_field fields[] = { { .name = "name", .kind = FIELD_STRING, .required = true, .string = &name } };
	struct note why = { "" };
	enum err e;
	json_t *out;

	if (!call_read_body(c, fields, 1))
		return;
	e = directory_domain_add(c->context->directory, name, &why);
	if (e != ERR_OK) {
		call_reply_error(c, e, &why);
		return;
	}
	out = json_pack("{s:o}", "name", json_span(name));
	call_reply_json(c, 201, &out);
}

void api_domain_delete(struct api_call *c)
{
	struct note why = { "" };
	enum err e = directory_domain_remove(c->context->directory, c->args[0], &why);

	if (e == ERR_OK)
		call_reply_empty(c);
	else
		call_reply_error(c, e, &why);
}
