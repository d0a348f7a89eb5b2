/* imap/parse_metadata.c: the arguments of GETMETADATA and SETMETADATA (RFC 5464 5). Each begins behind the verb, at its space. */
#include "daemon/imap/parse_metadata.h"

#include "daemon/imap/commands.h"
#include "daemon/imap/limits.h"
#include "daemon/store/annotation.h"

#define PRIVATE SPAN("/private")
#define SHARED SPAN("/shared")

/* RFC 5464 3.2: printable ASCII without "*" and "%", no "//", no "/" at the end. */
static enum err check_name(struct span name)
{
	unsigned depth = 0;

	if (name.len > ANNOTATION_ENTRY_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < name.len; i++) {
		const char c = name.ptr[i];

		if (c < 0x20 || c > 0x7e || c == '*' || c == '%')
			return ERR_SYNTAX;
		if (c == '/' && (i + 1 == name.len || name.ptr[i + 1] == '/'))
			return ERR_SYNTAX;
		depth += c == '/';
	}
	return depth > ANNOTATION_DEPTH_MAX ? ERR_LIMIT : ERR_OK;
}

static enum err lower(struct imap_parser *p, struct span name, struct span *out)
{
	char *to = arena_alloc(p->arena, name.len + 1);

	if (!to)
		return ERR_LIMIT;
	for (size_t i = 0; i < name.len; i++)
		to[i] = ascii_lower(name.ptr[i]);
	*out = span_make(to, name.len);
	return ERR_OK;
}

/* entry = astring, slash-separated, beginning with "/private" or "/shared" in any case */
static enum err parse_entry(struct imap_parser *p, struct metadata_entry *out)
{
	struct span first;
	enum err e = parse_astring(p, &out->written);

	if (!e)
		e = check_name(out->written);
	if (e)
		return e;
	out->is_private = span_istarts(out->written, PRIVATE);
	first = out->is_private ? PRIVATE : SHARED;
	if (!span_istarts(out->written, first) || (out->written.len > first.len && out->written.ptr[first.len] != '/'))
		return ERR_SYNTAX;
	return lower(p, span_skip(out->written, first.len), &out->entry);
}

static enum err add_entry(struct imap_parser *p, struct metadata_entry **list, size_t *count)
{
	*list = parse_grow(p->arena, *list, *count, sizeof **list);
	if (!*list)
		return ERR_LIMIT;
	(*list)[*count] = (struct metadata_entry){ .is_private = false };
	return parse_entry(p, &(*list)[(*count)++]);
}

/* entry *(SP entry) */
static enum err add_entries(struct imap_parser *p, struct metadata_entry **list, size_t *count)
{
	enum err e;

	*list = NULL;
	*count = 0;
	do
		e = *count == IMAP_METADATA_ENTRIES_MAX ? ERR_LIMIT : add_entry(p, list, count);
	while (!e && parse_char(p, ' '));
	return e;
}

/* RFC 5464 3.2: a name has two components at least. "/private" alone means only what is below it. */
static enum err check_components(const struct metadata_entry *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!list[i].entry.len)
			return ERR_SYNTAX;
	return ERR_OK;
}

enum err parse_metadata_entries(struct imap_parser *p, struct metadata_entry **out, size_t *count_out)
{
	enum err e = parse_expect(p, '(');

	if (!e)
		e = add_entries(p, out, count_out);
	if (!e)
		e = parse_expect(p, ')');
	return e ? e : check_components(*out, *count_out);
}

/* maxsize-opt = "MAXSIZE" SP number; scope-opt = "DEPTH" SP ("0" / "1" / "infinity") */
static enum err parse_option(struct imap_parser *p, union imap_args *out)
{
	uint64_t depth;

	if (parse_word(p, SPAN("MAXSIZE"))) {
		out->metadata.has_max = true;
		return parse_char(p, ' ') ? parse_number64(p, &out->metadata.max_size) : ERR_SYNTAX;
	}
	if (!parse_word(p, SPAN("DEPTH")) || !parse_char(p, ' '))
		return ERR_SYNTAX;
	if (parse_word(p, SPAN("infinity"))) {
		out->metadata.depth = METADATA_ALL_BELOW;
		return ERR_OK;
	}
	if (parse_number64(p, &depth) || depth > 1)
		return ERR_SYNTAX;
	out->metadata.depth = depth ? METADATA_ONE_BELOW : METADATA_ITSELF;
	return ERR_OK;
}

/* "(" getmetadata-option *(SP getmetadata-option) ")" SP */
static enum err parse_options(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, '(');

	if (e)
		return e;
	do
		e = parse_option(p, out);
	while (!e && parse_char(p, ' '));
	if (!e)
		e = parse_expect(p, ')');
	return e ? e : parse_expect(p, ' ');
}

/* Names begin with '/', perhaps quoted; options with a letter. */
static bool has_options(const struct imap_parser *p)
{
	return p->rest.len > 1 && p->rest.ptr[0] == '(' && ascii_is_alpha(p->rest.ptr[1]);
}

/* getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries; the examples of RFC 5464 4.2 have the options behind the mailbox,
 * and two of 4.4.1 several entries without parentheses: clients that follow them are served, too. */
enum err imap_parse_getmetadata(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');
	const bool before = !e && has_options(p);
	bool is_list;

	if (before)
		e = parse_options(p, out);
	if (!e)
		e = parse_mailbox(p, &out->metadata.name);
	if (!e)
		e = parse_expect(p, ' ');
	if (!e && !before && has_options(p))
		e = parse_options(p, out);
	if (e)
		return e;
	is_list = parse_char(p, '(');
	e = add_entries(p, &out->metadata.entries, &out->metadata.count);
	if (!e && is_list)
		e = parse_expect(p, ')');
	return e || out->metadata.depth != METADATA_ITSELF ? e : check_components(out->metadata.entries, out->metadata.count);
}

/* setmetadata = "SETMETADATA" SP mailbox SP "(" entry SP value *(SP entry SP value) ")" */
enum err imap_parse_setmetadata(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_mailbox(p, &out->metadata.name);
	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_expect(p, '(');
	if (e)
		return e;
	do {
		e = add_entry(p, &out->metadata.entries, &out->metadata.count);
		if (!e && !out->metadata.entries[out->metadata.count - 1].entry.len) /* "/private" itself holds nothing */
			e = ERR_SYNTAX;
		if (!e)
			e = parse_expect(p, ' ');
		if (!e)
			e = parse_value(p, &out->metadata.entries[out->metadata.count - 1].value);
	} while (!e && parse_char(p, ' '));
	return e ? e : parse_expect(p, ')');
}
