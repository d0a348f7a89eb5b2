/* relay/talk_auth.c: see talk_auth.h. The password is seen by nobody but the server that its certificate shows, unless the administrator trusts the way there. */
#include "daemon/relay/talk_auth.h"

#include "daemon/base/encode.h"
#include "daemon/directory/directory.h"

static enum err send_base64(struct talk *t, const char *verb, struct span secret)
{
	struct buf line;
	enum err e;

	buf_init(&line, STREAM_LINE_MAX);
	buf_add_str(&line, verb);
	base64_encode(secret, &line);
	buf_add(&line, SPAN("\r\n"));
	e = line.failed ? ERR_LIMIT : talk_send(t, buf_span(&line));
	buf_wipe(&line);
	return e == ERR_OK ? talk_read(t, talk_step_ms(t, RELAY_COMMAND_MS)) : e;
}

static enum err auth_plain(struct talk *t, const struct relay_host *via)
{
	struct buf message;
	enum err e;

	buf_init(&message, STREAM_LINE_MAX);
	buf_add_char(&message, '\0');
	buf_add(&message, via->user);
	buf_add_char(&message, '\0');
	buf_add(&message, via->password);
	e = message.failed ? ERR_LIMIT : send_base64(t, "AUTH PLAIN ", buf_span(&message));
	buf_wipe(&message);
	return e;
}

static enum err auth_login(struct talk *t, const struct relay_host *via)
{
	enum err e = talk_command(t, "AUTH LOGIN");

	if (e == ERR_OK && t->answer.code == 334)
		e = send_base64(t, "", via->user);
	if (e == ERR_OK && t->answer.code == 334)
		e = send_base64(t, "", via->password);
	return e;
}

static const char *obstacle(const struct talk *t)
{
	if (!stream_is_tls(t->link.stream))
		return "the password is not sent without TLS";
	if (t->job->via->tls != RELAY_TLS_ENCRYPTED && !stream_is_verified(t->link.stream))
		return "the password is not sent to a server that has no trusted certificate of that name";
	if (!t->link.offers.auth_plain && !t->link.offers.auth_login)
		return "offers neither AUTH PLAIN nor LOGIN";
	return NULL;
}

/* A refusal is a RETRY whatever its code: the password is the administrator's, not the sender's, and can be set right. */
enum talk_end talk_authenticate(struct talk *t)
{
	const struct relay_host *via = t->job->via;
	const char *why;
	enum err e;

	if (!via || via->user.len == 0)
		return TALK_DONE;
	why = obstacle(t);
	if (why) {
		failure_ours(t->why, RELAY_RETRY, "4.7.0", "%s: %s", t->setup->target->host, why);
		talk_tell(t, "auth", PROBE_FAILED, false, "%s", why);
		return TALK_NEXT;
	}
	e = t->link.offers.auth_plain ? auth_plain(t, via) : auth_login(t, via);
	if (e != ERR_OK)
		return talk_lost(t, "AUTH", e);
	talk_tell(t, "auth", t->answer.code == 235 ? PROBE_OK : PROBE_FAILED, true, "%s", t->answer.code == 235 ? "logged in" : "the password was refused");
	if (t->answer.code == 235)
		return TALK_DONE;
	failure_remote(t->why, &t->answer, t->setup->target->host);
	t->why->outcome = RELAY_RETRY;
	t->why->status[0] = '4';
	return TALK_NEXT;
}
