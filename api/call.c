/* api/call.c: what handlers ask of the request: parameters of the query, whose domains. */
#include "api/call.h"

struct span call_query(struct api_call *c, const char *name)
{
	const struct query_value *v = query_find(&c->query, name);

	return v ? v->text : SPAN("");
}

bool call_has_query(struct api_call *c, const char *name)
{
	const struct query_value *v = query_find(&c->query, name);

	return v && v->given;
}

int64_t call_query_number(struct api_call *c, const char *name)
{
	const struct query_value *v = query_find(&c->query, name);

	return v ? v->number : 0;
}

bool call_query_flag(struct api_call *c, const char *name)
{
	return call_query_number(c, name) != 0;
}

int64_t call_query_time(struct api_call *c, const char *name)
{
	return call_query_number(c, name);
}

const struct span *call_query_list(struct api_call *c, const char *name, size_t *count_out)
{
	const struct query_value *v = query_find(&c->query, name);

	*count_out = v ? v->list_count : 0;
	return v ? v->list : NULL;
}

bool call_reaches_domain(const struct api_call *c, struct span domain)
{
	return c->caller.all_domains || span_in_sorted(domain, c->caller.domains, c->caller.domain_count);
}
