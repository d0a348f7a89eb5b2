/* auth/exchange.c: see the header. */
#include "daemon/auth/exchange.h"

#include "daemon/auth/auth.h"
#include "daemon/base/encode.h"

void exchange_init(struct exchange *x)
{
	*x = (struct exchange){ .mechanism = EXCHANGE_PLAIN };
	buf_init(&x->message, EXCHANGE_MESSAGE_MAX);
	buf_init(&x->text, EXCHANGE_MESSAGE_MAX);
}

void exchange_clear(struct exchange *x)
{
	buf_wipe(&x->message);
	buf_clear(&x->text);
	exchange_init(x);
}

bool exchange_is_scram(const struct exchange *x)
{
	return x->mechanism == EXCHANGE_SCRAM || x->mechanism == EXCHANGE_SCRAM_PLUS;
}

bool exchange_begin(struct exchange *x, struct span mechanism, bool may_bind, bool has_login)
{
	exchange_clear(x);
	if (span_iequals(mechanism, SPAN("PLAIN")))
		x->mechanism = EXCHANGE_PLAIN;
	else if (has_login && span_iequals(mechanism, SPAN("LOGIN")))
		x->mechanism = EXCHANGE_LOGIN;
	else if (span_iequals(mechanism, SPAN("SCRAM-SHA-256")))
		x->mechanism = EXCHANGE_SCRAM;
	else if (may_bind && span_iequals(mechanism, SPAN("SCRAM-SHA-256-PLUS")))
		x->mechanism = EXCHANGE_SCRAM_PLUS;
	else
		return false;
	return true;
}

static enum exchange_next challenge(struct exchange *x, struct span text)
{
	buf_reset(&x->text);
	base64_encode(text, &x->text);
	return x->text.failed ? EXCHANGE_FAILED : EXCHANGE_CHALLENGE;
}

enum exchange_next exchange_start(struct exchange *x, bool has_initial, struct span initial)
{
	if (has_initial)
		return exchange_response(x, span_equals(initial, SPAN("=")) ? SPAN("") : initial);
	return challenge(x, x->mechanism == EXCHANGE_LOGIN ? SPAN("Username:") : SPAN(""));
}

static enum exchange_next take_plain(struct exchange *x)
{
	enum err e = auth_sasl_plain(buf_span(&x->message), &x->login, &x->password);

	return e == ERR_OK ? EXCHANGE_ASK_PASSWORD : e == ERR_DENIED ? EXCHANGE_DENIED
								     : EXCHANGE_MALFORMED;
}

static enum exchange_next take_login(struct exchange *x)
{
	if (x->round == 1) {
		x->login_len = x->message.len;
		return challenge(x, SPAN("Password:"));
	}
	x->login = span_take(buf_span(&x->message), x->login_len);
	x->password = span_skip(buf_span(&x->message), x->login_len);
	return EXCHANGE_ASK_PASSWORD;
}

static enum exchange_next take_scram(struct exchange *x)
{
	switch (x->round) {
	case 1: return EXCHANGE_ASK_SCRAM_FIRST;
	case 2: return EXCHANGE_ASK_SCRAM_FINAL;
	}
	return x->message.len ? EXCHANGE_MALFORMED : EXCHANGE_PASSED;
}

enum exchange_next exchange_response(struct exchange *x, struct span base64)
{
	enum err e = base64_decode(base64, &x->message);

	if (e != ERR_OK)
		return EXCHANGE_MALFORMED;
	x->round++;
	switch (x->mechanism) {
	case EXCHANGE_PLAIN: return take_plain(x);
	case EXCHANGE_LOGIN: return take_login(x);
	case EXCHANGE_SCRAM:
	case EXCHANGE_SCRAM_PLUS: return take_scram(x);
	}
	return EXCHANGE_MALFORMED;
}

enum exchange_next exchange_says(struct exchange *x, struct span text, uint64_t account_id, uint64_t credential)
{
	if (x->round == 2) {
		x->account_id = account_id;
		x->credential = credential;
	}
	buf_wipe(&x->message);
	return challenge(x, text);
}
