/* smtp/smtp.h: the SMTP service of a pool: mx (port 25), submission (465, 587) or local (submit.sock). */
#ifndef POSTROOM_SMTP_SMTP_H
#define POSTROOM_SMTP_SMTP_H

#include "daemon/net/session.h"

struct auth;
struct directory;
struct events;
struct queue;
struct trace;

enum smtp_profile {
	SMTP_MX,
	SMTP_SUBMISSION, /* TLS and AUTH before MAIL; the sender is the account's own; remote recipients are taken */
	SMTP_LMTP,       /* RFC 2033: another MTA in front, of loopback or a trusted network; local recipients only, a reply for each */
	SMTP_LOCAL,      /* a unix socket: the peer's uid is the login, directory/submitter.h says what it may; neither TLS nor AUTH */
};

struct smtp_config {
	enum smtp_profile profile;
	struct directory *directory; /* borrowed for the service's life */
	struct auth *auth;           /* may be null on mx and local */
	struct queue *queue;
	struct events *events; /* may be null, as the trace */
	struct trace *trace;
	const char *data_dir; /* whose disk must have room; null (tests): always enough */
	bool tls;             /* the pool can do it: STARTTLS is offered */
};

/* Fills in *out for pool_attach(). ERR_TEMP without memory. */
enum err smtp_service_new(const struct smtp_config *config, struct service *out) MUST_CHECK;
/* After the pools that use it are freed. */
void smtp_service_free(struct service *service);

#endif
