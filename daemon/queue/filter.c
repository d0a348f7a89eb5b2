/* queue/filter.c: patterns over addresses: "local@domain", "@domain", "local@*". */
#include "daemon/queue/filter.h"

static struct span domain_of(struct span address)
{
	size_t at = address.len;

	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	return at > 0 ? span_skip(address, at) : SPAN("");
}

static bool fits_pattern(struct span pattern, struct span address)
{
	if (pattern.len == 0)
		return true;
	if (pattern.ptr[0] == '@')
		return span_iequals(span_skip(pattern, 1), domain_of(address));
	/* With its '@' the local part is all that stands in front of the domain. */
	if (span_ends(pattern, SPAN("@*")))
		return span_istarts(address, span_take(pattern, pattern.len - 1)) && domain_of(address).len == address.len - (pattern.len - 1);
	return span_iequals(pattern, address);
}

static bool has_text(struct span text, struct span part)
{
	for (size_t i = 0; i + part.len <= text.len; i++)
		if (span_iequals(span_take(span_skip(text, i), part.len), part))
			return true;
	return false;
}

static bool is_in_domains(const struct queue_filter *f, struct span address)
{
	struct span domain = domain_of(address);

	for (size_t i = 0; i < f->domain_count; i++)
		if (span_iequals(f->domains[i], domain))
			return true;
	return false;
}

static bool is_sender_in_domains(const struct queue_filter *f, const struct queue_entry *e)
{
	return !(f->local_sender_only && e->source == FROM_MX) && is_in_domains(f, e->reverse_path);
}

bool filter_fits_message(const struct queue_filter *f, const struct queue_entry *e)
{
	if (!f)
		return true;
	if (f->account_id && e->account_id != f->account_id)
		return false;
	if (f->accepted_before_ms && e->accepted_ms >= f->accepted_before_ms)
		return false;
	if (f->accepted_after_ms && e->accepted_ms <= f->accepted_after_ms)
		return false;
	return fits_pattern(f->sender, e->reverse_path);
}

static bool fits_tried(const struct queue_filter *f, const struct queue_recipient *r)
{
	switch (f->tried) {
	case TRIED_ANY: break;
	case TRIED_NEVER: return r->attempts == 0;
	case TRIED_BEFORE: return r->attempts > 0;
	}
	return true;
}

static bool fits_place(const struct queue_filter *f, const struct queue_recipient *r)
{
	if (!fits_pattern(f->recipient, r->address) && !fits_pattern(f->recipient, r->original))
		return false;
	if (f->domain.len && !span_iequals(f->domain, domain_of(r->address)) && !span_iequals(f->domain, domain_of(r->original)))
		return false;
	return !f->destination.len || span_iequals(f->destination, r->destination);
}

bool filter_fits_recipient(const struct queue_filter *f, const struct queue_entry *e, const struct queue_recipient *r)
{
	if (r->state == RECIPIENT_DELIVERED || r->state == RECIPIENT_FAILED)
		return false;
	if (!f)
		return true;
	if ((f->has_state && r->state != f->state) || !fits_tried(f, r) || !fits_place(f, r))
		return false;
	if (f->hold && r->hold != f->hold)
		return false;
	if (f->error.len && !has_text(r->last_reply, f->error))
		return false;
	return !f->domains || is_sender_in_domains(f, e) || is_in_domains(f, r->address) || is_in_domains(f, r->original);
}
