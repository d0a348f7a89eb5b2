/* imap/list_match.c: "*" matches anything, "%" anything but the separator.
 *
 * One pass over the name with the set of pattern places that are reached: no pattern is slower than its length times the name's.
 */
#include "daemon/imap/list_match.h"

#include "daemon/imap/limits.h"
#include "daemon/mime/text.h"

#define INBOX SPAN("INBOX")

static bool is_wild(char c)
{
	return c == '*' || c == '%';
}

/* A wildcard may stand for nothing: the place behind one is reached with it. */
static void pass_wildcards(const struct list_pattern *p)
{
	for (size_t i = 0; i < p->text.len; i++)
		if (p->reach[i] && is_wild(p->text.ptr[i]))
			p->reach[i + 1] = true;
}

/* The places that are reached with one more character of the name. From the end, so that a place that is reached by this
 * character isn't taken for the one before. */
static void take_char(const struct list_pattern *p, char c, bool any_case)
{
	bool *reach = p->reach;

	reach[p->text.len] = false;
	for (size_t i = p->text.len; i-- > 0;) {
		char at = p->text.ptr[i];

		if (reach[i] && (at == c || (any_case && ascii_lower(at) == ascii_lower(c))))
			reach[i + 1] = true;
		reach[i] = reach[i] && (at == '*' || (at == '%' && c != '/'));
	}
}

static void run(const struct list_pattern *p, struct span name)
{
	/* INBOX is INBOX in any case, as a parent too (RFC 3501 5.1). */
	size_t any_case = span_starts(name, INBOX) && (name.len == 5 || name.ptr[5] == '/') ? 5 : 0;

	memset(p->reach, 0, p->text.len + 1);
	p->reach[0] = true;
	pass_wildcards(p);
	for (size_t i = 0; i < name.len; i++) {
		take_char(p, name.ptr[i], i < any_case);
		pass_wildcards(p);
	}
}

bool list_pattern_matches(const struct list_pattern *p, struct span name)
{
	if (p->text.len == 1 && p->text.ptr[0] == '*')
		return true;
	run(p, name);
	return p->reach[p->text.len];
}

bool list_pattern_goes_below(const struct list_pattern *p, struct span name)
{
	run(p, name);
	take_char(p, '/', false);
	pass_wildcards(p);
	for (size_t i = 0; i < p->text.len; i++)
		if (p->reach[i])
			return true;
	return false;
}

static struct span join(struct arena *a, struct span reference, struct span pattern)
{
	char *to = arena_alloc(a, reference.len + pattern.len + 1);
	size_t n = 0;

	if (!to)
		return span_make(NULL, 0);
	for (size_t i = 0; i < reference.len + pattern.len; i++) {
		char c = i < reference.len ? reference.ptr[i] : pattern.ptr[i - reference.len];

		if (n && is_wild(c) && is_wild(to[n - 1])) {
			if (c == '*')
				to[n - 1] = '*';
			continue;
		}
		to[n++] = c;
	}
	return span_make(to, n);
}

enum err list_pattern_make(struct arena *a, struct span reference, struct span pattern, struct list_pattern *out)
{
	struct buf normal;

	if (reference.len + pattern.len > IMAP_PATTERN_MAX)
		return ERR_LIMIT;
	out->text = join(a, reference, pattern);
	if (!out->text.ptr)
		return ERR_TEMP;
	/* Names are in NFC. What cannot be made normal is no name's. */
	buf_init(&normal, 4 * IMAP_PATTERN_MAX);
	if (span_is_utf8(out->text) && !text_nfc(out->text, &normal) && !normal.failed)
		out->text = arena_copy(a, buf_span(&normal));
	buf_clear(&normal);
	out->reach = out->text.ptr ? arena_alloc(a, out->text.len + 1) : NULL;
	return out->reach ? ERR_OK : ERR_TEMP;
}
