/* api/apply_tls_rules.c: the TLS rules of a document. */
#include <jansson.h>
#include <stdio.h>

#include "api/apply.h"
#include "api/given.h"
#include "api/tls_rule.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

static bool is_same(const struct tls_rule *x, const struct tls_rule *y)
{
	bool same = x->mode == y->mode && x->name_count == y->name_count;

	for (size_t i = 0; i < x->name_count && same; i++)
		same = span_iequals(x->names[i], y->names[i]);
	return same;
}

static enum err apply_rule(struct applying *a, size_t i, const json_t *entry)
{
	struct tls_rule fresh = tls_rule_read(a->c, given_domain(a->c, apply_text(entry, "domain")), entry);
	const struct tls_rule *old = snapshot_tls_rule(a->s, fresh.domain);
	enum err e;

	if (old && is_same(old, &fresh))
		return ERR_OK;
	e = directory_tls_rule_set(a->c->context->directory, &fresh, &a->why);
	if (e != ERR_OK)
		snprintf(a->pointer, sizeof a->pointer, "/tls_rules/%zu", i);
	else
		apply_note(a, old ? APPLY_UPDATED : APPLY_CREATED, fresh.domain, SPAN(""), old ? tls_rule_json(old, true) : NULL, tls_rule_json(&fresh, true), EVENT_TLS_RULE_CHANGED);
	return e;
}

static enum err prune(struct applying *a)
{
	struct apply_names names;
	const struct tls_rule *rules;
	size_t count = snapshot_tls_rules(a->s, &rules);
	enum err e = apply_names(a, "tls_rules", "domain", &names);

	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		if (apply_names_have(&names, rules[i].domain))
			continue;
		e = directory_tls_rule_remove(a->c->context->directory, rules[i].domain, &a->why);
		if (e == ERR_OK)
			apply_note(a, APPLY_REMOVED, rules[i].domain, SPAN(""), tls_rule_json(&rules[i], true), NULL, EVENT_TLS_RULE_CHANGED);
	}
	return e;
}

enum err apply_tls_rules(struct applying *a)
{
	const json_t *entries = json_object_get(a->c->body, "tls_rules"), *entry;
	size_t i;
	enum err e = ERR_OK;

	json_array_foreach(entries, i, entry)
	{
		e = apply_rule(a, i, entry);
		if (e != ERR_OK)
			return e;
	}
	return a->prune && entries ? prune(a) : ERR_OK;
}
