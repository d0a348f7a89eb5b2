/* imap/parse_session.c: the arguments of the commands that are about the connection. Each begins behind the verb, at its space. */
#include "daemon/imap/commands.h"

#include "daemon/imap/limits.h"

/* login = "LOGIN" SP userid SP password */
enum err imap_parse_login(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_astring(p, &out->login.login);
	if (!e)
		e = parse_expect(p, ' ');
	return e ? e : parse_astring(p, &out->login.password);
}

static bool is_base64_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '+' || c == '/' || c == '=';
}

/* authenticate = "AUTHENTICATE" SP auth-type [SP (base64 / "=")] *(CRLF base64)   (RFC 4959) */
enum err imap_parse_authenticate(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');
	size_t n = 0;

	if (!e)
		e = parse_atom(p, &out->authenticate.mechanism);
	if (e || !parse_char(p, ' '))
		return e;
	while (n < p->rest.len && is_base64_char(p->rest.ptr[n]))
		n++;
	if (n == 0)
		return ERR_SYNTAX;
	out->authenticate.has_initial = true;
	out->authenticate.initial = span_take(p->rest, n);
	p->rest = span_skip(p->rest, n);
	return ERR_OK;
}

/* nstring = string / nil */
static enum err skip_nstring(struct imap_parser *p)
{
	struct span ignored;

	return parse_word(p, SPAN("NIL")) ? ERR_OK : parse_string(p, &ignored);
}

/* id = "ID" SP ("(" [string SP nstring *(SP string SP nstring)] ")" / nil); read and not kept (RFC 2971) */
enum err imap_parse_id(struct imap_parser *p, union imap_args *out)
{
	struct span ignored;
	enum err e = parse_expect(p, ' ');

	(void)out;
	if (e || parse_word(p, SPAN("NIL")))
		return e;
	e = parse_expect(p, '(');
	if (e || parse_char(p, ')'))
		return e;
	for (int i = 0; i < IMAP_ID_FIELDS_MAX; i++) {
		e = parse_string(p, &ignored);
		if (!e)
			e = parse_expect(p, ' ');
		if (!e)
			e = skip_nstring(p);
		if (e || parse_char(p, ')'))
			return e;
		if (!parse_char(p, ' '))
			return ERR_SYNTAX;
	}
	return ERR_LIMIT;
}

static const struct {
	struct span name;
	unsigned bits;
} extensions[] = {
	{ { "IMAP4rev2", 9 }, ENABLED_REV2 },
	{ { "CONDSTORE", 9 }, ENABLED_CONDSTORE },
	{ { "QRESYNC", 7 }, ENABLED_QRESYNC },
	{ { "UTF8=ACCEPT", 11 }, ENABLED_UTF8 },
	{ { "UIDONLY", 7 }, ENABLED_UIDONLY },
	{ { "METADATA", 8 }, ENABLED_METADATA },
	{ { "METADATA-SERVER", 15 }, ENABLED_METADATA_SERVER },
};

/* enable = "ENABLE" 1*(SP capability); unknown names are ignored (RFC 5161 3.1) */
enum err imap_parse_enable(struct imap_parser *p, union imap_args *out)
{
	struct span name;
	enum err e;

	out->enable.bits = 0;
	do {
		e = parse_expect(p, ' ');
		if (!e)
			e = parse_atom(p, &name);
		for (size_t i = 0; !e && i < sizeof extensions / sizeof *extensions; i++)
			if (span_iequals(name, extensions[i].name))
				out->enable.bits |= extensions[i].bits;
	} while (!e && p->rest.len);
	return e;
}

/* compress = "COMPRESS" SP algorithm; "DEFLATE" is the only one (RFC 4978 4) */
enum err imap_parse_compress(struct imap_parser *p, union imap_args *out)
{
	struct span algorithm = SPAN("");
	enum err e = parse_expect(p, ' ');

	(void)out;
	if (!e)
		e = parse_atom(p, &algorithm);
	return !e && !span_iequals(algorithm, SPAN("DEFLATE")) ? ERR_SYNTAX : e;
}
