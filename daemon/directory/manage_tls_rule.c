/* directory/manage_tls_rule.c: changes of what TLS destinations must have. */
#include "daemon/base/clock.h"
#include "daemon/directory/change.h"
#include "daemon/directory/manage.h"
#include "daemon/directory/name.h"
#include "db/control_tls_rule.h"

#define NAME_MEMORY_MAX 65536
#define NAMES_TEXT_MAX (TLS_RULE_NAMES_MAX * (ADDRESS_DOMAIN_MAX + 2))

/* "mx.example.net" or ".example.net". */
static enum err add_name(struct span text, struct arena *a, struct buf *out, struct note *why)
{
	const bool below = span_starts(text, SPAN("."));
	struct span name;
	enum err e = name_parse_domain(span_skip(text, below), a, &name, why);

	if (e)
		return e;
	if (out->len > 0)
		buf_add_char(out, ' ');
	if (below)
		buf_add_char(out, '.');
	buf_add(out, name);
	return out->failed ? ERR_LIMIT : ERR_OK;
}

static enum err check_rule(const struct tls_rule *rule, struct arena *a, struct db_tls_rule *row, struct buf *names, struct note *why)
{
	enum err e = name_parse_domain(rule->domain, a, &row->domain, why);

	if (!e && rule->name_count > 0 && rule->mode != TLS_RULE_VERIFY) {
		note_set(why, "names belong to the mode that verifies them");
		e = ERR_SYNTAX;
	}
	if (!e && rule->name_count > TLS_RULE_NAMES_MAX) {
		note_set(why, "at most %d names", TLS_RULE_NAMES_MAX);
		e = ERR_LIMIT;
	}
	for (size_t i = 0; i < rule->name_count && !e; i++)
		e = add_name(rule->names[i], a, names, why);
	row->names = buf_span(names);
	return e;
}

static enum err run_set(struct directory *d, void *arg, struct note *why)
{
	(void)why;
	return db_tls_rule_set(d->db, arg);
}

enum err directory_tls_rule_set(struct directory *d, const struct tls_rule *rule, struct note *why)
{
	struct db_tls_rule row = { .mode = (int)rule->mode, .created_ms = clock_real_ms() };
	struct arena a;
	struct buf names;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	buf_init(&names, NAMES_TEXT_MAX);
	e = check_rule(rule, &a, &row, &names, why);
	if (!e)
		e = directory_change(d, run_set, &row, why);
	buf_clear(&names);
	arena_clear(&a);
	return e;
}

static enum err run_remove(struct directory *d, void *arg, struct note *why)
{
	(void)why;
	return db_tls_rule_remove(d->db, *(struct span *)arg);
}

enum err directory_tls_rule_remove(struct directory *d, struct span domain, struct note *why)
{
	struct span name;
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = name_parse_domain(domain, &a, &name, why);
	if (!e)
		e = directory_change(d, run_remove, &name, why);
	arena_clear(&a);
	return e;
}
