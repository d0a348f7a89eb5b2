/* chat/smtp_world.h: the fake world behind an SMTP session of a transcript: who is here, what is settled, and what became of the messages. */
#ifndef POSTROOM_TESTS_SMTP_WORLD_H
#define POSTROOM_TESTS_SMTP_WORLD_H

#include "daemon/smtp/session.h"

enum fault { FAULT_NONE,
	     FAULT_BEGIN,
	     FAULT_ADD,
	     FAULT_SEAL,
	     FAULT_COMMIT };

struct smtp_world {
	enum smtp_profile profile;
	struct net_addr remote;
	bool trusted;
	bool implicit_tls, no_start_tls, login_over, binding;
	bool early, no_room, no_domains;
	unsigned unknown_before, unknown_named;
	struct smtp_limits limits;
	enum sending_verdict sending;
	uint64_t sending_after;
	unsigned exchanges;
	unsigned logins_looked_at;
	enum fault fault;
	int64_t clock_step_ms, mono_ms;
	struct session_peer peer;
	struct smtp_session *session;
	struct smtp_local local; /* of profile local */
	bool one_message;
	unsigned local_messages;
	/* the last message that was committed */
	unsigned messages;
	struct buf body, trace, envelope, wishes;
	size_t recipient_count;
};

extern const struct smtp_services smtp_world_services;

void *smtp_world_new(void);
void smtp_world_free(void *world);
/* The end of ASK_COMMIT: takes *message, and keeps what can be checked when `ok`. */
enum smtp_verdict smtp_world_commit(struct smtp_world *w, struct accept **message, bool ok);

#endif
