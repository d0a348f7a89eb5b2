/* smtp/parse.c: see parse.h. Each function quotes the grammar it reads; where it takes more, the comment says so. */
#include "daemon/smtp/parse.h"

#include "daemon/smtp/limits.h"
#include "daemon/smtp/parse_param.h"

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

/* vrfy = "VRFY" SP String [ SP "SMTPUTF8" ] (RFC 6531 3.7.4.2) */
enum err smtp_parse_vrfy(struct span rest, struct arena *cmd, union smtp_args *out)
{
	const struct span parameter = SPAN(" SMTPUTF8");
	struct span end = span_skip(rest, rest.len - span_take(rest, parameter.len).len);

	(void)cmd;
	out->vrfy.utf8 = span_iequals(end, parameter) && rest.len > parameter.len;
	out->vrfy.text = out->vrfy.utf8 ? span_take(rest, rest.len - parameter.len) : rest;
	return rest.len > 0 && span_is_utf8(rest) ? ERR_OK : ERR_SYNTAX;
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

/* mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF
 * Reverse-path = Path / "<>" */
enum err smtp_parse_mail(struct span rest, struct arena *cmd, union smtp_args *out)
{
	struct smtp_mail *mail = &out->mail;
	struct span path, params;

	memset(mail, 0, sizeof(*mail));
	if (parse_path(rest, SPAN("FROM:"), cmd, &mail->path, &path, &params) != ERR_OK)
		return ERR_SYNTAX;
	if (mail->path.local.len > 0 && mail->path.domain.len == 0)
		return ERR_SYNTAX; /* bare <postmaster> is a forward-path only */
	mail->has_8bit = !span_is_ascii(path);
	return smtp_parse_mail_params(params, cmd, mail);
}

/* rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF */
enum err smtp_parse_rcpt(struct span rest, struct arena *cmd, union smtp_args *out)
{
	struct smtp_rcpt *rcpt = &out->rcpt;
	struct span path, params;

	memset(rcpt, 0, sizeof(*rcpt));
	if (parse_path(rest, SPAN("TO:"), cmd, &rcpt->path, &path, &params) != ERR_OK || rcpt->path.local.len == 0)
		return ERR_SYNTAX;
	rcpt->has_8bit = !span_is_ascii(path);
	return smtp_parse_rcpt_params(params, cmd, rcpt);
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
