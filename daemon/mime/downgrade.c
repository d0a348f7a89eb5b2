/* mime/downgrade.c: see the header. */
#include "daemon/mime/downgrade.h"

#include "daemon/mime/address.h"
#include "daemon/mime/header.h"
#include "daemon/mime/param.h"
#include "daemon/mime/words.h"

static bool is_utf8(struct span text)
{
	return !span_is_ascii(text) && span_is_utf8(text);
}

bool downgrade_is_needed(struct span head)
{
	struct header_field f;

	if (span_is_ascii(head))
		return false;
	while (header_next(&head, &f))
		if (is_utf8(f.whole) && span_is_ascii(f.name))
			return true;
	return false;
}

static bool is_one_of(struct span name, const char *const *names)
{
	for (; *names; names++)
		if (span_iequals(name, span_str(*names)))
			return true;
	return false;
}

/* Its domain in A-labels; with a local part outside ASCII there is no address that ASCII could say (RFC 6858 2.2). */
static void write_address(const struct header_address *a, struct span name, struct arena *work, struct buf *out)
{
	struct span domain = a->domain;
	struct buf text;

	if (!span_is_ascii(domain) && address_domain_normal(a->domain, work, &domain) != ERR_OK)
		domain = a->domain;
	buf_init(&text, 4096);
	if (span_is_ascii(a->local) && span_is_ascii(domain)) {
		address_write(&(struct address){ a->local, domain }, &text);
		if (name.len)
			words_write_phrase(name, 20, out);
		buf_add_str(out, name.len ? " <" : "<");
		buf_add(out, buf_span(&text));
		buf_add_char(out, '>');
	} else {
		buf_addf(&text, "%.*s%s%.*s%s%.*s", (int)name.len, name.ptr ? name.ptr : "", name.len ? " " : "", (int)a->local.len, a->local.ptr, a->domain.len ? "@" : "",
			 (int)a->domain.len, a->domain.ptr ? a->domain.ptr : "");
		words_write_phrase(buf_span(&text), 20, out);
		buf_add_str(out, ":;");
	}
	buf_clear(&text);
}

static void write_text(const struct header_field *f, struct arena *work, struct buf *out)
{
	words_write(header_decode(work, header_unfold(work, f->value)), f->name.len + 2, out);
}

/* What holds no address at all stays to be read. */
static enum err write_addresses(const struct header_field *f, struct arena *work, struct buf *out)
{
	struct header_address *list;
	size_t count;
	bool is_first = true;
	enum err e = address_list_parse(header_unfold(work, f->value), work, &list, &count);

	if (!e && !count)
		write_text(f, work, out);
	for (size_t i = 0; !e && i < count; i++) {
		struct span name = header_decode(work, list[i].name);

		if (list[i].group_end) {
			buf_add_char(out, ';');
			continue;
		}
		if (!is_first)
			buf_add_str(out, ",\r\n\t");
		is_first = list[i].group_start;
		if (list[i].group_start) {
			words_write_phrase(name, 20, out);
			buf_add_str(out, ": ");
		} else {
			write_address(&list[i], name, work, out);
		}
	}
	return e;
}

static enum err write_parameters(const struct header_field *f, struct arena *work, struct buf *out)
{
	struct param_field *field = arena_alloc(work, sizeof *field);
	struct span text = header_unfold(work, f->value);
	const char *name;

	if (!field || !text.ptr)
		return ERR_LIMIT;
	if (!param_field_parse(text, span_iequals(f->name, SPAN("Content-Type")), work, field) || !span_is_ascii(field->type) || !span_is_ascii(field->subtype)) {
		words_write(text, f->name.len + 2, out);
		return ERR_OK;
	}
	buf_add(out, field->type);
	buf_add_str(out, field->subtype.len ? "/" : "");
	buf_add(out, field->subtype);
	for (size_t i = 0; i < field->count; i++) {
		const struct param *p = &field->params[i];

		if (!span_is_ascii(p->name) || span_cstr(work, p->name, &name))
			continue;
		if (memchr(p->name.ptr, '*', p->name.len) && span_is_ascii(p->value)) /* encoded already (RFC 2231 3, 4): not to be quoted */
			buf_addf(out, ";\r\n\t%s=%.*s", name, (int)p->value.len, p->value.ptr);
		else
			words_write_parameter(name, p->value, out);
	}
	return ERR_OK;
}

static enum err write_field(const struct header_field *f, struct arena *work, struct buf *out)
{
	static const char *const addresses[] = { "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Bcc", "Return-Path", "Delivered-To", NULL };
	static const char *const with_parameters[] = { "Content-Type", "Content-Disposition", NULL };
	enum err e = ERR_OK;

	buf_add(out, f->name);
	buf_add_str(out, ": ");
	if (is_one_of(f->name, addresses))
		e = write_addresses(f, work, out);
	else if (is_one_of(f->name, with_parameters))
		e = write_parameters(f, work, out);
	else
		write_text(f, work, out);
	buf_add_str(out, "\r\n");
	return e;
}

enum err downgrade_head(struct span head, struct arena *work, struct buf *out)
{
	struct header_field f;
	enum err e = ERR_OK;

	while (!e && header_next(&head, &f)) {
		if (is_utf8(f.whole) && span_is_ascii(f.name))
			e = write_field(&f, work, out);
		else
			buf_add(out, f.whole);
	}
	buf_add(out, head);
	return e ? e : out->failed || work->failed ? ERR_LIMIT
						   : ERR_OK;
}
