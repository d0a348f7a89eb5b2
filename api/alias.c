/* api/alias.c: aliases as the handlers of /aliases share them. */
#include "api/alias.h"

#include <jansson.h>

#include "api/given.h"

json_t *alias_json(const struct alias *a)
{
	return json_pack("{s:o, s:o}", "address", json_span(a->address), "targets", json_spans(a->targets, a->target_count));
}

enum err alias_find(const struct api_call *c, const struct snapshot *s, struct span address, const struct alias **out, struct note *why)
{
	*out = snapshot_alias(s, address);
	if (*out && call_reaches_domain(c, given_domain_of((*out)->address)))
		return ERR_OK;
	*out = NULL;
	note_set(why, "there is no such alias");
	return ERR_NOT_FOUND;
}

struct alias_filter alias_filter_of_query(struct api_call *c)
{
	return (struct alias_filter){ .q = given_fold(c, call_query(c, "q")), .domain = given_domain(c, call_query(c, "domain")) };
}

bool alias_fits(const struct api_call *c, const struct alias_filter *f, const struct alias *a)
{
	if (f->domain.len > 0 && !span_equals(given_domain_of(a->address), f->domain))
		return false;
	if (!c->caller.all_domains && !call_reaches_domain(c, given_domain_of(a->address)))
		return false;
	if (given_holds(a->address, f->q))
		return true;
	for (size_t i = 0; i < a->target_count; i++)
		if (given_holds(a->targets[i], f->q))
			return true;
	return false;
}
