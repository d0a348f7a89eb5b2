/* auth/scram_parse.c: strictly by the ABNF of RFC 5802 section 7, which is quoted where it is read.
 *
 *   attr-val        = ALPHA "=" value
 *   value           = 1*value-char
 *   value-char      = value-safe-char / "="
 *   value-safe-char = %x01-2B / %x2D-3C / %x3E-7F / UTF8-2 / UTF8-3 / UTF8-4   ; no NUL, "=", ","
 *   printable       = %x21-2B / %x2D-7E                                        ; no ","
 */
#include "daemon/auth/scram_parse.h"

/* One attribute and the comma behind it; false at the end or when it is none. */
static bool take_attribute(struct span *rest, char *name_out, struct span *value_out)
{
	struct span part;

	if (!span_split(rest, ',', &part) || part.len < 3 || part.ptr[1] != '=' || !ascii_is_alpha(part.ptr[0]))
		return false;
	*name_out = part.ptr[0];
	*value_out = span_skip(part, 2);
	return true;
}

static bool take_named(struct span *rest, char name, struct span *value_out)
{
	char found;

	return take_attribute(rest, &found, value_out) && found == name;
}

static bool is_printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e)
			return false;
	}
	return s.len > 0;
}

/* What stands behind the attributes that are known: extensions that may be passed over. */
static bool are_extensions(struct span rest)
{
	struct span value;
	char name;

	while (rest.ptr) {
		if (!take_attribute(&rest, &name, &value) || name == 'm')
			return false;
	}
	return true;
}

static bool is_binding_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_alpha(s.ptr[i]) && !ascii_is_digit(s.ptr[i]) && s.ptr[i] != '.' && s.ptr[i] != '-')
			return false;
	}
	return s.len > 0;
}

static bool read_flag(struct span flag, struct scram_client_first *out)
{
	out->binding_name = span_make(NULL, 0);
	out->flag = span_equals(flag, SPAN("n")) ? SCRAM_NOT_BOUND : span_equals(flag, SPAN("y")) ? SCRAM_NOT_OFFERED
												  : SCRAM_BOUND;
	if (out->flag != SCRAM_BOUND)
		return true;
	out->binding_name = span_skip(flag, 2);
	return span_starts(flag, SPAN("p=")) && is_binding_name(out->binding_name);
}

/*   gs2-header     = gs2-cbind-flag "," [ authzid ] ","
 *   gs2-cbind-flag = ("p=" cb-name) / "n" / "y"
 *   cb-name        = 1*(ALPHA / DIGIT / "." / "-")
 *   authzid        = "a=" saslname
 */
static bool take_header(struct span *rest, struct scram_client_first *out)
{
	struct span whole = *rest, flag, authzid;

	if (!span_split(rest, ',', &flag) || !span_split(rest, ',', &authzid) || !rest->ptr)
		return false;
	out->gs2_header = span_take(whole, whole.len - rest->len);
	if (!read_flag(flag, out))
		return false;
	if (authzid.len > 0 && (authzid.len < 3 || !span_starts(authzid, SPAN("a="))))
		return false;
	out->authzid = span_skip(authzid, 2);
	return true;
}

/*   client-first-message      = gs2-header client-first-message-bare
 *   client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
 *   username                  = "n=" saslname
 *   nonce                     = "r=" c-nonce [s-nonce]
 */
enum err scram_parse_first(struct span message, struct scram_client_first *out)
{
	struct span rest = message;
	size_t at;

	if (span_find_char(message, '\0', &at) || !span_is_utf8(message) || !take_header(&rest, out))
		return ERR_SYNTAX;
	out->bare = rest;
	if (!take_named(&rest, 'n', &out->username) || !take_named(&rest, 'r', &out->nonce) || !is_printable(out->nonce) || !are_extensions(rest))
		return ERR_SYNTAX;
	return ERR_OK;
}

/*   client-final-message               = client-final-message-without-proof "," proof
 *   client-final-message-without-proof = channel-binding "," nonce ["," extensions]
 *   channel-binding                    = "c=" base64
 *   proof                              = "p=" base64
 */
enum err scram_parse_final(struct span message, struct scram_client_final *out)
{
	struct span rest = message, before;
	size_t at;
	char name;

	if (span_find_char(message, '\0', &at) || !span_is_utf8(message))
		return ERR_SYNTAX;
	if (!take_named(&rest, 'c', &out->binding) || !take_named(&rest, 'r', &out->nonce) || !is_printable(out->nonce))
		return ERR_SYNTAX;
	do {
		before = rest;
		if (!take_attribute(&rest, &name, &out->proof) || name == 'm' || (name == 'p' && rest.ptr))
			return ERR_SYNTAX;
	} while (rest.ptr);
	if (name != 'p')
		return ERR_SYNTAX;
	out->without_proof = span_take(message, message.len - before.len - 1);
	return ERR_OK;
}

/*   saslname = 1*(value-safe-char / "=2C" / "=3D") */
enum err scram_unescape(struct span name, struct buf *out)
{
	while (name.len > 0) {
		if (name.ptr[0] != '=') {
			buf_add(out, span_take(name, 1));
			name = span_skip(name, 1);
			continue;
		}
		if (span_starts(name, SPAN("=2C")))
			buf_add_char(out, ',');
		else if (span_starts(name, SPAN("=3D")))
			buf_add_char(out, '=');
		else
			return ERR_SYNTAX;
		name = span_skip(name, 3);
	}
	return out->failed ? ERR_LIMIT : ERR_OK;
}
