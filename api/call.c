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
	size_t low = 0, high = c->caller.domain_count;

	if (c->caller.all_domains)
		return true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = span_compare(c->caller.domains[middle], domain);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}
