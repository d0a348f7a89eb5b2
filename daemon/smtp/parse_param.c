/* smtp/parse_param.c: see parse_param.h. A keyword is a row of a table; one that comes twice, and a value that is not of its grammar, is refused. */
#include "daemon/smtp/parse_param.h"

#include "daemon/mime/date.h"
#include "daemon/mime/xtext.h"
#include "daemon/smtp/limits.h"

#define PARAM_AUTH_MAX 500 /* RFC 4954 section 3 (6) */
#define ORCPT_TYPE_MAX 64

struct param {
	struct span key, value;
	bool has_value;
};

/* Mail-parameters = esmtp-param *(SP esmtp-param)
 * esmtp-param     = esmtp-keyword ["=" esmtp-value]
 * False at the end. */
static bool next_param(struct span *params, struct param *out)
{
	struct span word;
	size_t at;

	do {
		if (params->len == 0 || !span_split(params, ' ', &word))
			return false;
	} while (word.len == 0);
	out->has_value = span_find_char(word, '=', &at);
	out->key = out->has_value ? span_take(word, at) : word;
	out->value = out->has_value ? span_skip(word, at + 1) : span_make(word.ptr + word.len, 0);
	return true;
}

/* ---- MAIL ---- */

/* size-value = 1*20DIGIT (RFC 1870 section 4): twenty digits may pass 64 bits and are then larger than any limit. */
static enum err read_size(struct span value, struct arena *cmd, struct smtp_mail *out)
{
	enum err e;

	(void)cmd;
	if (value.len > 20)
		return ERR_STATE;
	e = span_to_u64(value, UINT64_MAX, &out->size);
	return e == ERR_SYNTAX ? ERR_STATE : e;
}

/* body-value = "7BIT" / "8BITMIME" (RFC 6152 section 2) / "BINARYMIME" (RFC 3030 section 3) */
static enum err read_body(struct span value, struct arena *cmd, struct smtp_mail *out)
{
	(void)cmd;
	out->body_8bit = span_iequals(value, SPAN("8BITMIME"));
	out->body_binary = span_iequals(value, SPAN("BINARYMIME"));
	return out->body_8bit || out->body_binary || span_iequals(value, SPAN("7BIT")) ? ERR_OK : ERR_STATE;
}

/* RFC 6531 3.4: no value. */
static enum err read_utf8(struct span value, struct arena *cmd, struct smtp_mail *out)
{
	(void)value;
	(void)cmd;
	out->utf8 = true;
	return ERR_OK;
}

/* AUTH=mailbox or AUTH=<> in xtext (RFC 4954 section 5): may be there, and we trust nobody's word on it. */
static enum err read_auth(struct span value, struct arena *cmd, struct smtp_mail *out)
{
	struct address who;
	struct span text;

	(void)out;
	if (value.len > PARAM_AUTH_MAX || xtext_decode(value, cmd, &text) != ERR_OK)
		return ERR_STATE;
	return span_equals(text, SPAN("<>")) || address_parse(text, cmd, &who) == ERR_OK ? ERR_OK : ERR_STATE;
}

/* ret-value = "FULL" / "HDRS" (RFC 3461 4.3) */
static enum err read_ret(struct span value, struct arena *cmd, struct smtp_mail *out)
{
	(void)cmd;
	if (span_iequals(value, SPAN("FULL")))
		out->ret = RETURN_FULL;
	else if (span_iequals(value, SPAN("HDRS")))
		out->ret = RETURN_HEADERS;
	else
		return ERR_STATE;
	return ERR_OK;
}

/* envid-parameter = "ENVID=" xtext, of printable characters, at most 100 (RFC 3461 4.4) */
static enum err read_envid(struct span value, struct arena *cmd, struct smtp_mail *out)
{
	struct span text;

	if (value.len > 3 * QUEUE_ENVID_MAX || xtext_decode(value, cmd, &text) != ERR_OK || text.len > QUEUE_ENVID_MAX)
		return ERR_STATE;
	out->envid = value;
	return ERR_OK;
}

/* RFC 8689 section 3: no value. */
static enum err read_require_tls(struct span value, struct arena *cmd, struct smtp_mail *out)
{
	(void)value;
	(void)cmd;
	out->require_tls = true;
	return ERR_OK;
}

/* future-release-integer = 1*9DIGIT without zeros in front (RFC 4865 section 4) */
static enum err read_hold_for(struct span value, struct arena *cmd, struct smtp_mail *out)
{
	uint64_t seconds;

	(void)cmd;
	if (value.len > 9 || span_starts(value, SPAN("0")) || span_to_u64(value, UINT64_MAX, &seconds) != ERR_OK)
		return ERR_STATE;
	out->of_submission = true;
	out->hold_for_s = (int64_t)seconds;
	return ERR_OK;
}

/* future-release-date-time = date-time of RFC 3339 (errata 2040 of RFC 4865) */
static enum err read_hold_until(struct span value, struct arena *cmd, struct smtp_mail *out)
{
	(void)cmd;
	out->of_submission = true;
	return value.len <= SMTP_DATE_TIME_MAX && date_parse_rfc3339(value, &out->hold_until_ms) == ERR_OK && out->hold_until_ms > 0 ? ERR_OK : ERR_STATE;
}

/* priority-value = (["-"] NZDIGIT) / "0" (RFC 6710 section 9) */
static enum err read_priority(struct span value, struct arena *cmd, struct smtp_mail *out)
{
	bool minus = span_starts(value, SPAN("-"));
	struct span digit = minus ? span_skip(value, 1) : value;

	(void)cmd;
	if (digit.len != 1 || !ascii_is_digit(digit.ptr[0]) || (minus && digit.ptr[0] == '0'))
		return ERR_STATE;
	out->of_submission = out->has_priority = true;
	out->priority = (minus ? -1 : 1) * (digit.ptr[0] - '0');
	return ERR_OK;
}

/* by-value = by-time ";" by-mode [by-trace]
 * by-time  = ["-" / "+"] 1*9digit
 * by-mode  = "N" / "R"
 * by-trace = "T"           (RFC 2852 section 4; R needs a time to come) */
static enum err read_by(struct span value, struct arena *cmd, struct smtp_mail *out)
{
	struct span time, mode = value;
	uint64_t seconds;
	bool minus, plus;

	(void)cmd;
	if (!span_split(&mode, ';', &time) || !mode.ptr)
		return ERR_STATE;
	minus = span_starts(time, SPAN("-"));
	plus = span_starts(time, SPAN("+"));
	if (minus || plus)
		time = span_skip(time, 1);
	if (time.len > 9 || span_to_u64(time, UINT64_MAX, &seconds) != ERR_OK)
		return ERR_STATE;
	out->by_s = minus ? -(int64_t)seconds : (int64_t)seconds;
	if (span_istarts(mode, SPAN("N")))
		out->by = BY_NOTIFY;
	else if (span_istarts(mode, SPAN("R")) && out->by_s > 0)
		out->by = BY_RETURN;
	else
		return ERR_STATE;
	mode = span_skip(mode, 1);
	if (span_iequals(mode, SPAN("T")))
		out->by |= BY_TRACE;
	out->of_submission = true;
	return mode.len == 0 || (out->by & BY_TRACE) ? ERR_OK : ERR_STATE;
}

#define KEY(literal)                         \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static const struct {
	struct span key;
	bool has_value;
	enum err (*read)(struct span value, struct arena *cmd, struct smtp_mail *out);
} mail_params[] = {
	{ KEY("SIZE"), true, read_size },
	{ KEY("BODY"), true, read_body },
	{ KEY("SMTPUTF8"), false, read_utf8 },
	{ KEY("AUTH"), true, read_auth },
	{ KEY("RET"), true, read_ret },
	{ KEY("ENVID"), true, read_envid },
	{ KEY("REQUIRETLS"), false, read_require_tls },
	{ KEY("HOLDFOR"), true, read_hold_for },
	{ KEY("HOLDUNTIL"), true, read_hold_until },
	{ KEY("MT-PRIORITY"), true, read_priority },
	{ KEY("BY"), true, read_by },
};

static enum err read_mail_param(const struct param *p, unsigned *seen, struct arena *cmd, struct smtp_mail *out)
{
	for (size_t i = 0; i < sizeof(mail_params) / sizeof(mail_params[0]); i++) {
		if (!span_iequals(p->key, mail_params[i].key))
			continue;
		if ((*seen & 1u << i) || p->has_value != mail_params[i].has_value || (p->has_value && p->value.len == 0))
			return ERR_STATE;
		*seen |= 1u << i;
		return mail_params[i].read(p->value, cmd, out);
	}
	return ERR_DENIED;
}

enum err smtp_parse_mail_params(struct span params, struct arena *cmd, struct smtp_mail *out)
{
	struct param p;
	unsigned seen = 0;

	while (next_param(&params, &p)) {
		enum err e = read_mail_param(&p, &seen, cmd, out);

		if (e != ERR_OK)
			return e;
	}
	/* RFC 4865 section 4: one of the two. */
	return out->hold_for_s > 0 && out->hold_until_ms != 0 ? ERR_STATE : ERR_OK;
}

/* ---- RCPT ---- */

/* notify-esmtp-value  = "NEVER" / 1#notify-list-element
 * notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"      (RFC 3461 4.1) */
static enum err read_notify(struct span value, unsigned *out)
{
	struct span word;

	if (span_iequals(value, SPAN("NEVER"))) {
		*out = NOTIFY_NEVER;
		return ERR_OK;
	}
	while (span_split(&value, ',', &word)) {
		unsigned bit = span_iequals(word, SPAN("SUCCESS")) ? NOTIFY_SUCCESS : span_iequals(word, SPAN("FAILURE")) ? NOTIFY_FAILURE
									      : span_iequals(word, SPAN("DELAY"))         ? NOTIFY_DELAY
															  : 0;

		if (bit == 0 || (*out & bit))
			return ERR_STATE;
		*out |= bit;
	}
	return *out ? ERR_OK : ERR_STATE;
}

/* original-recipient-address = addr-type ";" xtext      (RFC 3461 4.2)
 * addr-type is an atom; behind "utf-8" the encoding of RFC 6533 section 3 stands. */
static enum err read_orcpt(struct span value, struct arena *cmd, struct smtp_rcpt *out)
{
	struct span type, text, rest = value;

	if (value.len > QUEUE_ORCPT_MAX || !span_split(&rest, ';', &type) || !rest.ptr || rest.len == 0 || type.len == 0 || type.len > ORCPT_TYPE_MAX)
		return ERR_STATE;
	for (size_t i = 0; i < type.len; i++) {
		if (!ascii_is_alpha(type.ptr[i]) && !ascii_is_digit(type.ptr[i]) && type.ptr[i] != '-')
			return ERR_STATE;
	}
	if (span_iequals(type, SPAN("utf-8"))) {
		if (!xtext_is_utf8_address(rest))
			return ERR_STATE;
		out->has_8bit |= !span_is_ascii(rest);
	} else if (xtext_decode(rest, cmd, &text) != ERR_OK || text.len == 0) {
		return ERR_STATE;
	}
	out->orcpt = value;
	return ERR_OK;
}

enum err smtp_parse_rcpt_params(struct span params, struct arena *cmd, struct smtp_rcpt *out)
{
	struct param p;

	while (next_param(&params, &p)) {
		bool notify = span_iequals(p.key, SPAN("NOTIFY"));
		enum err e;

		if (!notify && !span_iequals(p.key, SPAN("ORCPT")))
			return ERR_DENIED;
		if (notify ? out->notify != 0 : out->orcpt.len > 0)
			return ERR_STATE;
		e = notify ? read_notify(p.value, &out->notify) : read_orcpt(p.value, cmd, out);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}
