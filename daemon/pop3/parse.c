/* pop3/parse.c: see the header.
 *
 * Blanks at the end of a line are borne with, but in names and passwords, of which they are a part.
 */
#include "daemon/pop3/parse.h"

static struct span without_blanks(struct span rest)
{
	while (rest.len && (rest.ptr[rest.len - 1] == ' ' || rest.ptr[rest.len - 1] == '\t'))
		rest.len--;
	return rest;
}

enum err pop3_parse_nothing(struct span rest, union pop3_args *out)
{
	(void)out;
	return without_blanks(rest).len ? ERR_SYNTAX : ERR_OK;
}

enum err pop3_parse_text(struct span rest, union pop3_args *out)
{
	out->text = rest;
	return ERR_OK;
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_subtag(struct span text, bool is_first)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_alpha(text.ptr[i]) && (is_first || text.ptr[i] < '0' || text.ptr[i] > '9'))
			return false;
	return text.len >= 1 && text.len <= 8;
}

/* language-range = (1*8ALPHA *("-" 1*8alphanum)) / "*"      (RFC 4647 2.1) */
enum err pop3_parse_language(struct span rest, union pop3_args *out)
{
	struct span left, subtag;
	bool is_first = true;

	out->text = left = without_blanks(rest);
	if (!left.len || span_equals(left, SPAN("*")))
		return ERR_OK;
	for (; span_split(&left, '-', &subtag); is_first = false)
		if (!is_subtag(subtag, is_first))
			return ERR_SYNTAX;
	return ERR_OK;
}

/* 1*DIGIT; what no number of ours can hold is larger than any message's. */
static enum err read_number(struct span text, uint64_t *out)
{
	enum err e = span_to_u64(text, UINT64_MAX - 1, out);

	if (e == ERR_LIMIT) {
		*out = UINT64_MAX;
		e = ERR_OK;
	}
	return e;
}

enum err pop3_parse_message(struct span rest, union pop3_args *out)
{
	out->message.given = true;
	return read_number(without_blanks(rest), &out->message.number);
}

enum err pop3_parse_messages(struct span rest, union pop3_args *out)
{
	out->message.given = without_blanks(rest).len > 0;
	return out->message.given ? pop3_parse_message(rest, out) : ERR_OK;
}

/* TOP msg n (RFC 1939 7) */
enum err pop3_parse_top(struct span rest, union pop3_args *out)
{
	uint64_t number, lines;
	struct span first;

	rest = without_blanks(rest);
	if (!span_split(&rest, ' ', &first) || read_number(first, &number) || read_number(rest, &lines))
		return ERR_SYNTAX;
	out->top.number = number;
	out->top.lines = lines;
	return ERR_OK;
}

/* auth-command = "AUTH" SP sasl-mech [SP initial-response] (RFC 5034 6); older clients ask with a lone AUTH which mechanisms there are. */
enum err pop3_parse_auth(struct span rest, union pop3_args *out)
{
	size_t at;

	rest = without_blanks(rest);
	out->auth.has_initial = span_find_char(rest, ' ', &at);
	out->auth.mechanism = out->auth.has_initial ? span_take(rest, at) : rest;
	out->auth.initial = out->auth.has_initial ? span_skip(rest, at + 1) : SPAN("");
	return ERR_OK;
}
