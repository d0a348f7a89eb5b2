/* relay/sts_parse.c: see sts_parse.h. Texts of strangers. */
#include "daemon/relay/sts_parse.h"

#define NAME_MAX_LEN 253u
#define LABEL_MAX_LEN 63u

static bool is_alphanumeric(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c);
}

static struct span trim_blanks(struct span s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = span_skip(s, 1);
	while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* ---- the TXT record ----
 *
 *   sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]
 *   sts-field       = sts-id / sts-extension
 *   sts-id          = %s"id=" 1*32(ALPHA / DIGIT)
 *   sts-extension   = sts-ext-name "=" sts-ext-value
 */

static bool is_extension_name(struct span s)
{
	if (s.len == 0 || s.len > 32 || !is_alphanumeric(s.ptr[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!is_alphanumeric(s.ptr[i]) && !strchr("_-.", s.ptr[i]))
			return false;
	return true;
}

static bool is_extension_value(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f || s.ptr[i] == '=' || s.ptr[i] == ';')
			return false;
	return s.len > 0;
}

static bool is_id(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alphanumeric(s.ptr[i]))
			return false;
	return s.len > 0 && s.len <= STS_ID_MAX;
}

static enum err read_field(struct span field, struct span *id)
{
	size_t at;

	if (!span_find_char(field, '=', &at))
		return ERR_SYNTAX;
	if (!span_equals(span_take(field, at), SPAN("id")))
		return is_extension_name(span_take(field, at)) && is_extension_value(span_skip(field, at + 1)) ? ERR_OK : ERR_SYNTAX;
	if (id->len > 0 || !is_id(span_skip(field, at + 1)))
		return ERR_SYNTAX;
	*id = span_skip(field, at + 1);
	return ERR_OK;
}

enum err sts_parse_record(struct span text, struct span *id_out)
{
	struct span rest = text, field, id = SPAN("");
	bool last = false;

	if (!span_split(&rest, ';', &field) || !span_equals(trim_blanks(field), SPAN("v=STSv1")) || !rest.ptr)
		return ERR_NOT_FOUND;
	while (span_split(&rest, ';', &field)) {
		field = trim_blanks(field);
		if (last)
			return ERR_SYNTAX; /* nothing between two delimiters */
		last = field.len == 0;
		if (!last && read_field(field, &id) != ERR_OK)
			return ERR_SYNTAX;
	}
	if (id.len == 0)
		return ERR_SYNTAX;
	*id_out = id;
	return ERR_OK;
}

/* ---- the policy ----
 *
 *   sts-policy-record = sts-policy-field *(sts-policy-term sts-policy-field) [sts-policy-term]
 *   sts-policy-term   = LF / CRLF
 *   sts-policy-mx-value = ["*."] Domain
 */

struct reading {
	struct sts_parsed *out;
	bool version, mode, max_age;
	size_t patterns;
	struct note *why;
};

static bool is_domain(struct span s)
{
	size_t label = 0;

	if (s.len == 0 || s.len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '.') {
			if (label == 0 || s.ptr[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if ((!is_alphanumeric(s.ptr[i]) && s.ptr[i] != '-') || (label == 0 && s.ptr[i] == '-') || ++label > LABEL_MAX_LEN)
			return false;
	}
	return label > 0 && s.ptr[s.len - 1] != '-';
}

static enum err add_pattern(struct reading *r, struct span value)
{
	struct buf *mx = &r->out->mx;

	if (!is_domain(span_starts(value, SPAN("*.")) ? span_skip(value, 2) : value)) {
		note_set(r->why, "mx is no host's name, with or without *. before it");
		return ERR_SYNTAX;
	}
	if (++r->patterns > STS_PATTERNS_MAX) {
		note_set(r->why, "more than %d mx", STS_PATTERNS_MAX);
		return ERR_LIMIT;
	}
	if (mx->len > 0)
		buf_add_char(mx, '\n');
	for (size_t i = 0; i < value.len; i++)
		buf_add_char(mx, ascii_lower(value.ptr[i]));
	if (mx->failed)
		note_set(r->why, "mx of more than %d bytes", STS_PATTERNS_BYTES);
	return mx->failed ? ERR_LIMIT : ERR_OK;
}

static enum err read_mode(struct reading *r, struct span value)
{
	static const struct span names[] = { [STS_NONE] = SPAN("none"), [STS_TESTING] = SPAN("testing"), [STS_ENFORCE] = SPAN("enforce") };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_equals(value, names[i])) {
			r->out->mode = (enum sts_mode)i;
			return ERR_OK;
		}
	}
	note_set(r->why, "mode is none of enforce, testing and none");
	return ERR_SYNTAX;
}

static enum err read_max_age(struct reading *r, struct span value)
{
	uint64_t number;

	if (span_to_u64(value, STS_MAX_AGE_MAX_S, &number) != ERR_OK) {
		note_set(r->why, "max_age is no number up to %d", STS_MAX_AGE_MAX_S);
		return ERR_SYNTAX;
	}
	r->out->max_age_s = (int64_t)number;
	return ERR_OK;
}

/* RFC 8461 3.2: of what may stand only once the first counts. */
static bool is_first(bool *seen)
{
	bool first = !*seen;

	*seen = true;
	return first;
}

static enum err read_line(struct reading *r, struct span line)
{
	struct span key, value;
	size_t at;

	if (!span_find_char(line, ':', &at)) {
		note_set(r->why, "a line without a colon");
		return ERR_SYNTAX;
	}
	key = span_take(line, at);
	value = trim_blanks(span_skip(line, at + 1));
	if (span_equals(key, SPAN("version")) && is_first(&r->version)) {
		if (span_equals(value, SPAN("STSv1")))
			return ERR_OK;
		note_set(r->why, "version is not STSv1");
		return ERR_SYNTAX;
	}
	if (span_equals(key, SPAN("mode")) && is_first(&r->mode))
		return read_mode(r, value);
	if (span_equals(key, SPAN("max_age")) && is_first(&r->max_age))
		return read_max_age(r, value);
	return span_equals(key, SPAN("mx")) ? add_pattern(r, value) : ERR_OK;
}

static enum err check_whole(const struct reading *r)
{
	const char *missing = NULL;

	if (!r->version)
		missing = "version";
	else if (!r->mode)
		missing = "mode";
	else if (!r->max_age)
		missing = "max_age";
	else if (r->out->mode != STS_NONE && r->patterns == 0)
		missing = "mx";
	if (missing)
		note_set(r->why, "%s is missing", missing);
	return missing ? ERR_SYNTAX : ERR_OK;
}

enum err sts_parse_policy(struct span text, struct sts_parsed *out, struct note *why)
{
	struct reading r = { .out = out, .why = why };
	struct span rest = text, line;
	enum err e = ERR_OK;

	*out = (struct sts_parsed){ .mode = STS_NONE };
	buf_init(&out->mx, STS_PATTERNS_BYTES);
	if (text.len > STS_POLICY_MAX) {
		note_set(why, "more than %d bytes", STS_POLICY_MAX);
		return ERR_LIMIT;
	}
	while (e == ERR_OK && span_split(&rest, '\n', &line)) {
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0)
			e = read_line(&r, line);
	}
	return e == ERR_OK ? check_whole(&r) : e;
}

static bool matches(struct span pattern, struct span host)
{
	size_t at;

	if (!span_starts(pattern, SPAN("*.")))
		return span_iequals(pattern, host);
	return span_find_char(host, '.', &at) && at > 0 && span_iequals(span_skip(host, at), span_skip(pattern, 1));
}

bool sts_matches(struct span patterns, struct span host)
{
	struct span pattern;

	while (span_split(&patterns, '\n', &pattern))
		if (matches(pattern, host))
			return true;
	return false;
}
