/* smtp/parse.c: see parse.h. Each function quotes the grammar it reads; where it takes more, the comment says so. */
#include "daemon/smtp/parse.h"

#include "daemon/smtp/limits.h"

/* Nothing: DATA RSET QUIT STARTTLS. */
enum err smtp_parse_nothing(struct span rest, struct arena *cmd, union smtp_args *out)
{
	(void)cmd;
	out->text = rest;
	return rest.len == 0 ? ERR_OK : ERR_SYNTAX;
}

/* [ SP String ]: NOOP, HELP. */
enum err smtp_parse_text(struct span rest, struct arena *cmd, union smtp_args *out)
{
	(void)cmd;
	out->text = rest;
	return ERR_OK;
}

/* SP String: VRFY, EXPN, ETRN. */
enum err smtp_parse_word(struct span rest, struct arena *cmd, union smtp_args *out)
{
	(void)cmd;
	out->text = rest;
	return rest.len > 0 ? ERR_OK : ERR_SYNTAX;
}

/* ehlo = "EHLO" SP ( Domain / address-literal ) CRLF
 * Wider: any printable ASCII without blanks, since so many clients say their Windows name here; it decides nothing. */
enum err smtp_parse_domain(struct span rest, struct arena *cmd, union smtp_args *out)
{
	(void)cmd;
	if (rest.len == 0 || rest.len > SMTP_HELO_MAX)
		return ERR_SYNTAX;
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.ptr[i] <= ' ' || rest.ptr[i] > '~')
			return ERR_SYNTAX;
	}
	out->text = rest;
	return ERR_OK;
}

/* The path and what follows it. Blanks between ':' and '<' are not in the grammar and often on the wire. */
static enum err parse_path(struct span rest, struct span keyword, struct arena *cmd, struct address *out, struct span *path_out, struct span *params_out)
{
	size_t used;

	if (!span_istarts(rest, keyword))
		return ERR_SYNTAX;
	rest = span_skip(rest, keyword.len);
	while (rest.len > 0 && rest.ptr[0] == ' ')
		rest = span_skip(rest, 1);
	if (rest.len == 0 || rest.ptr[0] != '<' || address_parse_path(rest, true, cmd, out, &used) != ERR_OK || used > rest.len)
		return ERR_SYNTAX;
	*path_out = span_take(rest, used);
	*params_out = span_skip(rest, used);
	return params_out->len == 0 || params_out->ptr[0] == ' ' ? ERR_OK : ERR_SYNTAX;
}

/* Mail-parameters = esmtp-param *(SP esmtp-param)
 * esmtp-param     = esmtp-keyword ["=" esmtp-value]
 * False at the end. */
static bool next_param(struct span *params, struct span *key_out, struct span *value_out, bool *has_value_out)
{
	struct span word;
	size_t at;

	do {
		if (params->len == 0 || !span_split(params, ' ', &word))
			return false;
	} while (word.len == 0);
	*has_value_out = span_find_char(word, '=', &at);
	*key_out = *has_value_out ? span_take(word, at) : word;
	*value_out = *has_value_out ? span_skip(word, at + 1) : span_make(word.ptr + word.len, 0);
	return true;
}

enum mail_param { PARAM_SIZE = 1,
		  PARAM_BODY = 2,
		  PARAM_UTF8 = 4,
		  PARAM_AUTH = 8 };

/* size-value = 1*20DIGIT (RFC 1870 section 4): twenty digits may pass 64 bits and are then larger than any limit. */
static enum err read_size(struct span value, union smtp_args *out)
{
	enum err e;

	if (value.len > 20)
		return ERR_STATE;
	e = span_to_u64(value, UINT64_MAX, &out->mail.size);
	return e == ERR_SYNTAX ? ERR_STATE : e;
}

/* body-value = "7BIT" / "8BITMIME" (RFC 6152 section 2) */
static enum err read_body(struct span value, union smtp_args *out)
{
	out->mail.body_8bit = span_iequals(value, SPAN("8BITMIME"));
	return out->mail.body_8bit || span_iequals(value, SPAN("7BIT")) ? ERR_OK : ERR_STATE;
}

static enum err read_mail_param(struct span key, struct span value, bool has_value, unsigned *seen, union smtp_args *out)
{
	enum mail_param which;
	enum err e = ERR_OK;

	if (span_iequals(key, SPAN("SIZE"))) {
		which = PARAM_SIZE;
		e = read_size(value, out);
	} else if (span_iequals(key, SPAN("BODY"))) {
		which = PARAM_BODY;
		e = read_body(value, out);
	} else if (span_iequals(key, SPAN("SMTPUTF8"))) {
		which = PARAM_UTF8;
		e = has_value ? ERR_STATE : ERR_OK;
		out->mail.utf8 = true;
	} else if (span_iequals(key, SPAN("AUTH"))) {
		/* RFC 4954 section 5: may be there, and we trust nobody's word on it. */
		which = PARAM_AUTH;
		e = value.len > 0 ? ERR_OK : ERR_STATE;
	} else {
		return ERR_DENIED;
	}
	if (*seen & which)
		return ERR_STATE;
	*seen |= which;
	return e;
}

/* mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF
 * Reverse-path = Path / "<>" */
enum err smtp_parse_mail(struct span rest, struct arena *cmd, union smtp_args *out)
{
	struct span path, params, key, value;
	unsigned seen = 0;
	bool has_value;

	memset(&out->mail, 0, sizeof(out->mail));
	if (parse_path(rest, SPAN("FROM:"), cmd, &out->mail.path, &path, &params) != ERR_OK)
		return ERR_SYNTAX;
	if (out->mail.path.local.len > 0 && out->mail.path.domain.len == 0)
		return ERR_SYNTAX; /* bare <postmaster> is a forward-path only */
	while (next_param(&params, &key, &value, &has_value)) {
		enum err e = read_mail_param(key, value, has_value, &seen, out);

		if (e != ERR_OK)
			return e;
	}
	return out->mail.utf8 || span_is_ascii(path) ? ERR_OK : ERR_SYNTAX;
}

/* rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF */
enum err smtp_parse_rcpt(struct span rest, struct arena *cmd, union smtp_args *out)
{
	struct span path, params, key, value;
	bool has_value;

	memset(&out->rcpt, 0, sizeof(out->rcpt));
	if (parse_path(rest, SPAN("TO:"), cmd, &out->rcpt.path, &path, &params) != ERR_OK || out->rcpt.path.local.len == 0)
		return ERR_SYNTAX;
	out->rcpt.has_8bit = !span_is_ascii(path);
	return next_param(&params, &key, &value, &has_value) ? ERR_DENIED : ERR_OK;
}

/* bdat-cmd   = "BDAT" SP chunk-size [ SP end-marker ] CRLF
 * chunk-size = 1*DIGIT
 * end-marker = "LAST"           (RFC 3030 section 2) */
enum err smtp_parse_bdat(struct span rest, struct arena *cmd, union smtp_args *out)
{
	struct span size, marker;

	(void)cmd;
	if (!span_split(&rest, ' ', &size))
		return ERR_SYNTAX;
	marker = span_trim(rest.ptr ? rest : SPAN(""));
	out->bdat.last = span_iequals(marker, SPAN("LAST"));
	if (marker.len > 0 && !out->bdat.last)
		return ERR_SYNTAX;
	return span_to_u64(size, UINT64_MAX, &out->bdat.size);
}

/* auth-command     = "AUTH" SP sasl-mech [SP initial-response] *(CRLF [base64]) [CRLF cancel-response]
 * initial-response = base64 / "="        (RFC 4954 section 8) */
enum err smtp_parse_auth(struct span rest, struct arena *cmd, union smtp_args *out)
{
	(void)cmd;
	memset(&out->auth, 0, sizeof(out->auth));
	if (!span_split(&rest, ' ', &out->auth.mechanism) || out->auth.mechanism.len == 0 || out->auth.mechanism.len > 20)
		return ERR_SYNTAX;
	if (!rest.ptr)
		return ERR_OK;
	out->auth.initial = span_trim(rest);
	out->auth.has_initial = out->auth.initial.len > 0;
	return ERR_OK;
}
