/* imap/imap_url.c: URLs of messages.
 *
 * imapurl      = ["imap:"] "//" [enc-user [";AUTH=" auth] "@"] host [":" port] "/" imessage
 *              / "/" imessage / iuid ["/" isection] ["/" ipartial]           ; the last: of the selected mailbox
 * imessage     = enc-mailbox [";UIDVALIDITY=" nz-number] "/" iuid ["/" isection] ["/" ipartial]
 * iuid         = ";UID=" nz-number
 * isection     = ";SECTION=" enc-section
 * ipartial     = ";PARTIAL=" number ["." nz-number]
 * behind them, of a URL that names a user: [";EXPIRE=" date-time] ";URLAUTH=" access [":" mechanism ":" 32*HEXDIG]
 * access       = "submit+" enc-user / "user+" enc-user / "authuser" / "anonymous" / "stream"    ; those that are registered (RFC 5593 6)
 *
 * No search is known here.
 */
#include "daemon/imap/imap_url.h"

#include "daemon/base/encode.h"
#include "daemon/mime/date.h"

#define TOKEN_MIN 32 /* hexadecimal digits (RFC 4467 9) */

/* bchar = achar / ":" / "@" / "/" */
static bool is_bchar(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || (c && memchr("-._~!$'()*+,&=:@/", c, 17));
}

/* %XX to bytes; no control characters, and UTF-8 in the end. */
static enum err decode(struct span in, struct arena *a, struct span *out)
{
	char *to = arena_alloc(a, in.len);
	size_t n = 0;

	if (!to)
		return ERR_LIMIT;
	for (size_t i = 0; i < in.len; i++) {
		unsigned high, low;

		if (in.ptr[i] != '%') {
			if (!is_bchar(in.ptr[i]))
				return ERR_SYNTAX;
			to[n++] = in.ptr[i];
			continue;
		}
		high = i + 2 < in.len ? hex_digit(in.ptr[i + 1]) : 16;
		low = i + 2 < in.len ? hex_digit(in.ptr[i + 2]) : 16;
		if (high > 15 || low > 15 || (high < 2) || (high == 7 && low == 15))
			return ERR_SYNTAX;
		to[n++] = (char)(high * 16 + low);
		i += 2;
	}
	*out = span_make(to, n);
	return span_is_utf8(*out) ? ERR_OK : ERR_SYNTAX;
}

/* Up to the first of `ends`, or all. */
static struct span cut(struct span *rest, const char *ends)
{
	size_t n = 0;

	while (n < rest->len && !strchr(ends, rest->ptr[n]))
		n++;
	*rest = span_skip(*rest, n);
	return span_make(rest->ptr - n, n);
}

static bool take(struct span *rest, struct span word)
{
	if (!span_istarts(*rest, word))
		return false;
	*rest = span_skip(*rest, word.len);
	return true;
}

static enum err take_number(struct span *rest, bool may_be_0, uint32_t *out)
{
	struct span digits = { rest->ptr, 0 };
	uint64_t n;

	while (digits.len < rest->len && ascii_is_digit(digits.ptr[digits.len]))
		digits.len++;
	if (!digits.len || span_to_u64(digits, UINT32_MAX, &n) || (n == 0 && !may_be_0))
		return ERR_SYNTAX;
	*rest = span_skip(*rest, digits.len);
	*out = (uint32_t)n;
	return ERR_OK;
}

/* [":" *DIGIT] (RFC 3986 3.2.3) */
static bool is_port(struct span text)
{
	for (size_t i = 1; i < text.len; i++)
		if (!ascii_is_digit(text.ptr[i]))
			return false;
	return true;
}

static enum err parse_server(struct span *rest, struct arena *a, struct imap_url *out)
{
	struct span server = cut(rest, "/"), user = { server.ptr, 0 };
	size_t at;
	enum err e;

	out->has_host = true;
	for (at = server.len; at && server.ptr[at - 1] != '@';)
		at--;
	if (at) {
		struct span info = span_take(server, at - 1);

		user = cut(&info, ";");
		server = span_skip(server, at);
		if (!user.len || (info.len && (!take(&info, SPAN(";AUTH=")) || !info.len)))
			return ERR_SYNTAX;
	}
	e = decode(user, a, &out->user);
	out->host = cut(&server, ":");
	return e ? e : out->host.len && is_port(server) ? ERR_OK
							: ERR_SYNTAX;
}

/* Names may hold "/", so the mailbox ends at its first ";", and the "/" before iuid is not of it. */
static enum err parse_mailbox_part(struct span *rest, struct arena *a, struct imap_url *out)
{
	struct span name = cut(rest, ";");
	enum err e = ERR_OK;

	out->has_mailbox = true;
	if (take(rest, SPAN(";UIDVALIDITY="))) {
		e = take_number(rest, false, &out->uid_validity);
		if (!e && !take(rest, SPAN("/")))
			e = ERR_SYNTAX;
	} else if (span_ends(name, SPAN("/"))) {
		name.len--;
	} else {
		e = ERR_SYNTAX;
	}
	if (!e)
		e = name.len ? decode(name, a, &out->mailbox) : ERR_SYNTAX;
	return e;
}

static enum err parse_partial(struct span *rest, struct imap_url *out)
{
	enum err e = take_number(rest, true, &out->offset);

	out->is_partial = true;
	out->length = UINT32_MAX;
	return !e && take(rest, SPAN(".")) ? take_number(rest, false, &out->length) : e;
}

/* [server] ["/" mailbox] */
static enum err parse_place(struct span *rest, struct arena *a, struct imap_url *out)
{
	bool is_absolute = take(rest, SPAN("imap:"));
	enum err e = ERR_OK;

	if (take(rest, SPAN("//")))
		e = parse_server(rest, a, out);
	else if (is_absolute)
		return ERR_SYNTAX;
	if (!e && take(rest, SPAN("/")))
		return parse_mailbox_part(rest, a, out);
	return !e && out->has_host ? ERR_SYNTAX : e;
}

static enum err parse_section(struct span *rest, struct arena *a, struct imap_url *out)
{
	struct span section = cut(rest, ";");

	if (rest->len && span_ends(section, SPAN("/"))) { /* ipartial follows */
		section.len--;
		*rest = span_make(rest->ptr - 1, rest->len + 1);
	}
	return section.len ? decode(section, a, &out->section) : ERR_SYNTAX;
}

/* enc-user; a login's "@" is let through as it is, as others do. */
static enum err parse_access(struct span access, struct arena *a, struct imap_url *out)
{
	if (span_iequals(access, SPAN("anonymous")))
		out->access = URL_ACCESS_ANONYMOUS;
	else if (span_iequals(access, SPAN("authuser")))
		out->access = URL_ACCESS_AUTHUSER;
	else if (span_iequals(access, SPAN("stream")))
		out->access = URL_ACCESS_STREAM;
	else if (take(&access, SPAN("user+")))
		out->access = URL_ACCESS_USER;
	else if (take(&access, SPAN("submit+")))
		out->access = URL_ACCESS_SUBMIT;
	else
		return ERR_SYNTAX;
	if (out->access < URL_ACCESS_USER)
		return ERR_OK;
	return access.len ? decode(access, a, &out->access_user) : ERR_SYNTAX;
}

static bool is_mechanism(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_is_alpha(name.ptr[i]) && !ascii_is_digit(name.ptr[i]) && name.ptr[i] != '-' && name.ptr[i] != '.')
			return false;
	return name.len;
}

static bool is_token(struct span token)
{
	for (size_t i = 0; i < token.len; i++)
		if (hex_digit(token.ptr[i]) > 15)
			return false;
	return token.len >= TOKEN_MIN;
}

static enum err parse_auth(struct span text, struct span *rest, struct arena *a, struct imap_url *out)
{
	enum err e = ERR_OK;

	if (take(rest, SPAN(";EXPIRE=")))
		e = date_parse_rfc3339(cut(rest, ";"), &out->expire_ms) ? ERR_SYNTAX : ERR_OK;
	if (!e && !take(rest, SPAN(";URLAUTH=")))
		e = ERR_SYNTAX;
	if (!e)
		e = parse_access(cut(rest, ":"), a, out);
	if (!e && !out->user.len) /* whose key would it be? */
		e = ERR_SYNTAX;
	out->rump = span_take(text, (size_t)(rest->ptr - text.ptr));
	if (e || !rest->len)
		return e;
	*rest = span_skip(*rest, 1);
	out->mechanism = cut(rest, ":");
	out->token = take(rest, SPAN(":")) ? cut(rest, "") : SPAN("");
	return is_mechanism(out->mechanism) && is_token(out->token) ? ERR_OK : ERR_SYNTAX;
}

enum err imap_url_parse(struct span text, struct arena *a, struct imap_url *out)
{
	struct span rest = text;
	enum err e;

	*out = (struct imap_url){ .expire_ms = INT64_MAX };
	e = parse_place(&rest, a, out);
	if (!e)
		e = take(&rest, SPAN(";UID=")) ? take_number(&rest, false, &out->uid) : ERR_SYNTAX;
	if (!e && take(&rest, SPAN("/;SECTION=")))
		e = parse_section(&rest, a, out);
	if (!e && take(&rest, SPAN("/;PARTIAL=")))
		e = parse_partial(&rest, out);
	if (!e && rest.len && rest.ptr[0] == ';')
		e = parse_auth(text, &rest, a, out);
	return !e && rest.len ? ERR_SYNTAX : e;
}
