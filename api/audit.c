/* api/audit.c: /audit: who changed what, and whether the chain of entries is whole. */
#include "daemon/events/audit.h"

#include <jansson.h>
#include <stdio.h>

#include "api/resources.h"

/* Before and after are JSON texts; what does not read as such is shown as a string. */
static json_t *value_json(struct span text)
{
	json_t *value;

	if (text.len == 0)
		return json_null();
	value = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL);
	return value ? value : json_span(text);
}

static json_t *entry_json(struct api_call *c, const struct audit_entry *e)
{
	struct span id = arena_printf(&c->arena, "aud_%llu", (unsigned long long)e->id);
	json_t *account = e->actor_account ? json_span(arena_printf(&c->arena, "usr_%llu", (unsigned long long)e->actor_account)) : json_null();

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", json_span(id), "at", json_time(e->at_ms), "actor", json_span(e->actor), "actor_id", account,
			 "via", json_span(e->via), "peer", json_span(e->peer), "request_id", json_span(e->request_id), "operation", json_span(e->operation), "subject", json_span(e->subject),
			 "domain", json_span(e->domain), "before", value_json(e->before), "after", value_json(e->after));
}

/* "usr_7" or an address; no such account: nothing fits. */
static uint64_t actor_of(struct api_call *c, struct span actor)
{
	const struct snapshot *s;
	const struct account *account;
	uint64_t id = UINT64_MAX >> 1;

	if (span_starts(actor, SPAN("usr_")) && span_to_u64(span_skip(actor, 4), INT64_MAX, &id) == ERR_OK)
		return id;
	s = call_directory(c);
	account = snapshot_account_by_login(s, actor);
	if (account)
		id = account->id;
	call_release(c, &s);
	return id;
}

void api_audit_list(struct api_call *c)
{
	struct audit_filter filter = { .subject = call_query(c, "subject"), .operation = call_query(c, "operation"), .text = call_query(c, "q"), .domain = call_query(c, "domain"), .since_ms = call_query_time(c, "since"), .until_ms = call_query_time(c, "until") };
	struct page page = { .total = -1 };
	struct audit_entry *entries;
	struct paging paging;
	uint64_t before = 0;
	size_t count;
	bool more;
	enum err e;

	if (!call_paging(c, &paging))
		return;
	if (paging.after.len > 0 && span_to_u64(paging.after, INT64_MAX, &before) != ERR_OK)
		before = 0;
	if (!c->caller.all_domains) {
		filter.domains = c->caller.domains;
		filter.domain_count = c->caller.domain_count;
	}
	if (call_has_query(c, "actor"))
		filter.actor_account = actor_of(c, call_query(c, "actor"));
	e = audit_list(c->context->directory, &filter, before, paging.limit, &c->arena, &entries, &count, &more);
	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	page.list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(page.list, entry_json(c, &entries[i]));
	if (more && count > 0)
		page.next_cursor = cursor_make(c, arena_printf(&c->arena, "%llu", (unsigned long long)entries[count - 1].id));
	call_reply_page(c, &page);
}

void api_audit_verify(struct api_call *c)
{
	uint64_t entries = 0, bad = 0;
	enum err e = audit_verify(c->context->directory, &entries, &bad);
	json_t *out;

	if (e != ERR_OK && e != ERR_CORRUPT) {
		call_reply_error(c, e, NULL);
		return;
	}
	out = json_pack("{s:b, s:I, s:o}", "whole", e == ERR_OK, "entries", (json_int_t)entries, "first_bad",
			e == ERR_OK ? json_null() : json_span(arena_printf(&c->arena, "aud_%llu", (unsigned long long)bad)));
	call_reply_json(c, 200, &out);
}
