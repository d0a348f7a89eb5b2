/* api/openapi_rules.c: what is documented of an operation against its policy, and its answers against its parameters. */
#include "api/openapi_rules.h"

#include <jansson.h>

#include "api/policy.h"

struct word {
	const char *name;
	unsigned bit;
};

static const struct word role_words[] = { { "anybody", MAY_ANYBODY }, { "user", MAY_USER }, { "auditor", MAY_AUDITOR }, { "domain_admin", MAY_DOMAIN_ADMIN }, { "admin", MAY_ADMIN }, { "owner", MAY_OWNER } };
static const struct word demand_words[] = { { "proven", DEMAND_PROVEN }, { "no_token", DEMAND_NO_TOKEN }, { "local", DEMAND_LOCAL }, { "account", DEMAND_ACCOUNT } };

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static enum err complain(enum operation op, const char *what, const char *words, struct note *why)
{
	note_set(why, "openapi: %s: %s: %s", openapi_operation_name(op), what, words);
	return ERR_CORRUPT;
}

/* False: a word that is not known. */
static bool bits_of(const json_t *list, const struct word *words, size_t count, unsigned *out)
{
	*out = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		unsigned before = *out;

		for (size_t k = 0; k < count && name; k++)
			if (strcmp(words[k].name, name) == 0)
				*out |= words[k].bit;
		if (*out == before)
			return false;
	}
	return true;
}

static enum err check_policy(enum operation op, const json_t *source, struct note *why)
{
	const struct policy *policy = &policies[op];
	const char *scope = json_string_value(json_object_get(source, "x-scope"));
	unsigned roles, demands;

	if (!bits_of(json_object_get(source, "x-roles"), role_words, COUNT(role_words), &roles) || roles != policy->roles)
		return complain(op, "x-roles", "not the roles of policy.c", why);
	if (!bits_of(json_object_get(source, "x-demands"), demand_words, COUNT(demand_words), &demands) || demands != policy->demands)
		return complain(op, "x-demands", "not the demands of policy.c", why);
	if (!scope != !policy->scope || (scope && strcmp(scope, policy->scope) != 0))
		return complain(op, "x-scope", "not the scope of policy.c", why);
	if ((roles & MAY_ANYBODY) && json_array_size(json_object_get(source, "security")) > 0)
		return complain(op, "security", "anybody may call this", why);
	return ERR_OK;
}

static bool takes(const struct openapi_operation *o, enum openapi_place place, const char *name)
{
	for (size_t i = 0; i < o->parameter_count; i++)
		if (o->parameters[i].place == place && strcmp(o->parameters[i].name, name) == 0)
			return true;
	return false;
}

/* Answers that follow from what the operation takes; those of its own subject (201, 204, 409...) are its handler's. */
static enum err check_answers(enum operation op, const struct openapi_operation *o, struct note *why)
{
	bool known = !(policies[op].roles & MAY_ANYBODY);
	bool if_match = takes(o, IN_HEADER, "If-Match");
	bool other_request = takes(o, IN_HEADER, "Idempotency-Key") && (o->body != BODY_NONE || o->arg_count > 0);
	const struct {
		const char *status;
		bool must, may;
	} rules[] = {
		{ "default", true, true },
		{ "400", true, true },
		{ "401", known, true },
		{ "403", known, true },
		{ "304", takes(o, IN_HEADER, "If-None-Match"), false },
		{ "412", if_match, false },
		{ "428", false, if_match },
		{ "415", o->body != BODY_NONE, false },
		{ "422", o->body == BODY_JSON || other_request, true },
		{ "200", takes(o, IN_QUERY, "dry_run"), true },
	};
	const json_t *answers = json_object_get(o->source, "responses");

	for (size_t i = 0; i < COUNT(rules); i++) {
		bool there = json_object_get(answers, rules[i].status) != NULL;

		if (rules[i].must && !there)
			return complain(op, rules[i].status, "this answer is possible and not documented", why);
		if (there && !rules[i].must && !rules[i].may)
			return complain(op, rules[i].status, "this answer is documented and not possible", why);
	}
	return ERR_OK;
}

enum err openapi_rules_check(const struct openapi_operation *operations, struct note *why)
{
	for (size_t i = 0; i < OP_COUNT; i++) {
		enum operation op = (enum operation)i;
		enum err e;

		if (!operations[i].source)
			continue;
		e = check_policy(op, operations[i].source, why);
		if (e == ERR_OK)
			e = check_answers(op, &operations[i], why);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}
