/* imap/parse_url.c: arguments of GENURLAUTH, URLFETCH (RFC 4467 9, RFC 5524 5) and RESETKEY. What a URL says is read when it is its turn. */
#include "daemon/imap/commands.h"
#include "daemon/imap/limits.h"

static enum err begin(struct imap_parser *p, union imap_args *out)
{
	out->urls.list = arena_array(p->arena, IMAP_URLS_MAX, sizeof *out->urls.list);
	out->urls.count = 0;
	return out->urls.list ? ERR_OK : ERR_LIMIT;
}

static enum err next_url(struct imap_parser *p, union imap_args *out, struct url_request **request_out)
{
	enum err e = parse_expect(p, ' ');

	if (!e && out->urls.count == IMAP_URLS_MAX)
		e = ERR_LIMIT;
	if (e)
		return e;
	*request_out = &out->urls.list[out->urls.count++];
	**request_out = (struct url_request){ .what = 0 };
	return ERR_OK;
}

/* genurlauth = "GENURLAUTH" 1*(SP url-rump SP mechanism) */
enum err imap_parse_genurlauth(struct imap_parser *p, union imap_args *out)
{
	enum err e = begin(p, out);

	while (!e) {
		struct url_request *r;

		e = next_url(p, out, &r);
		if (!e)
			e = parse_astring(p, &r->url);
		if (!e)
			e = parse_expect(p, ' ');
		if (!e)
			e = parse_atom(p, &r->mechanism);
		if (!p->rest.len)
			break;
	}
	return e;
}

/* url-fetch-param = "BODY" / "BINARY" / "BODYPARTSTRUCTURE"; the first two are two forms of the same. */
static enum err parse_params(struct imap_parser *p, struct url_request *r)
{
	while (parse_char(p, ' ')) {
		if (parse_word(p, SPAN("BODYPARTSTRUCTURE")))
			r->what |= URL_STRUCTURE;
		else if (parse_word(p, SPAN("BODY")))
			r->what |= URL_BODY;
		else if (parse_word(p, SPAN("BINARY")))
			r->what |= URL_BINARY;
		else
			return ERR_SYNTAX;
	}
	return (r->what & URL_BODY) && (r->what & URL_BINARY) ? ERR_SYNTAX : parse_expect(p, ')');
}

/* urlfetch = "URLFETCH" 1*(SP (url-full / "(" url-full *(SP url-fetch-param) ")")) */
enum err imap_parse_urlfetch(struct imap_parser *p, union imap_args *out)
{
	enum err e = begin(p, out);

	while (!e) {
		struct url_request *r;
		bool is_extended;

		e = next_url(p, out, &r);
		is_extended = !e && parse_may(p, CAP_URLAUTH_BINARY) && parse_char(p, '(');
		if (!e)
			e = parse_astring(p, &r->url);
		if (!e && is_extended)
			e = parse_params(p, r);
		if (!p->rest.len)
			break;
	}
	return e;
}

/* resetkey = "RESETKEY" [SP mailbox *(SP mechanism)] */
enum err imap_parse_resetkey(struct imap_parser *p, union imap_args *out)
{
	struct span mechanism;
	enum err e;

	out->resetkey.all = !p->rest.len;
	out->resetkey.unknown = false;
	if (out->resetkey.all)
		return ERR_OK;
	e = parse_expect(p, ' ');
	if (!e)
		e = parse_mailbox(p, &out->resetkey.name);
	while (!e && parse_char(p, ' ')) {
		e = parse_atom(p, &mechanism);
		out->resetkey.unknown = out->resetkey.unknown || (!e && !span_iequals(mechanism, SPAN("INTERNAL")));
	}
	return e;
}
