/* unit/relay/attempt.h: one delivery attempt with everything around it: a job that tests change, a relay host on loopback, and what came of it. */
#ifndef POSTROOM_UNIT_ATTEMPT_H
#define POSTROOM_UNIT_ATTEMPT_H

#include "daemon/base/clock.h"
#include "daemon/directory/directory.h"
#include "daemon/net/tls.h"
#include "daemon/relay/relay.h"

/* Scripts for fake_server.h. */
#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SCRIPTS(...) ((const char *const *const[]){ __VA_ARGS__, NULL })
#define EHLO_PLAIN "> 220 fake", "< EHLO mail.example.org", "> 250 fake"
#define EHLO_MANY "> 220-fake", "> 220 welcome", "< EHLO mail.example.org", "> 250-fake", "> 250-PIPELINING", "> 250-8BITMIME", "> 250-SMTPUTF8", "> 250 SIZE 10000"
#define EHLO_CHUNKS "> 220 fake", "< EHLO mail.example.org", "> 250-fake", "> 250-PIPELINING", "> 250-8BITMIME", "> 250 CHUNKING"
#define EHLO_TLS "> 220 fake", "< EHLO mail.example.org", "> 250-fake", "> 250 STARTTLS", "< STARTTLS"
/* One recipient, one message of STUFFED. */
#define TAKES "< MAIL", "> 250 ok", "< RCPT TO:<a@d.example>", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept"
#define STUFFED "Subject: x\r\n\r\n..\r\n...two\r\nend\r\n"
#define UNSTUFFED "Subject: x\r\n\r\n.\r\n..two\r\nend\r\n"

#define ATTEMPT_RECIPIENTS 5
struct attempt {
	struct tls_store *store;     /* a certificate of nobody */
	struct tls_client *client;   /* trusts whom the system trusts */
	struct tls_client *trusting; /* trusts that certificate, of fake.example */
	struct relay *relay;
	struct relay_host via;
	struct relay_recipient recipients[ATTEMPT_RECIPIENTS]; /* a@d.example, b@d.example... */
	struct relay_job job;                                  /* for the first */
	struct arena arena;
	struct span message;
};
extern struct attempt attempt;

/* cmocka's fixtures: of the group, and of each test. */
int attempt_group_begin(void **state);
int attempt_group_end(void **state);
int attempt_begin(void **state);
int attempt_end(void **state);

/* A new relay: the connections that the old one kept are ended. */
void attempt_renew_relay(void);
/* The clock is changed while no thread is there to read it. Null: the system's. */
void attempt_set_clock(const struct clock_source *source);
/* The relay host is fake.example, which the relay from now on trusts. */
void attempt_trust(void);
/* `count` attempts at a server with these scripts; what it read as content is compared. */
void attempt_many(const char *const *const *scripts, const char *content, unsigned count);
void attempt_once(const char *const *const *scripts, const char *content);
/* reply null: any but none. */
void attempt_assert(size_t recipient, enum relay_outcome outcome, const char *status, const char *reply, bool remote);

#define ATTEMPT_TEST(name) cmocka_unit_test_setup_teardown(name, attempt_begin, attempt_end)

#endif
