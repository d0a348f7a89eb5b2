/* cli/sendmail_client.h: the dialogue over submit.sock; internal to cli/. */
#ifndef POSTROOM_CLI_SENDMAIL_CLIENT_H
#define POSTROOM_CLI_SENDMAIL_CLIENT_H

#include "daemon/cli/sendmail_message.h"
#include "daemon/net/stream.h"

struct sendmail_client {
	struct stream *stream;
	int code;         /* of the last reply; 0: none */
	char words[1024]; /* its text, all lines */
	char hostname[256], sender[512], origin[256];
	struct sendmail_home home; /* spans into those */
};

/* Greeting and EHLO. ERR_NOT_FOUND: the daemon is down; ERR_DENIED; ERR_TEMP. `c` is to be closed in every case. */
enum err sendmail_client_open(struct sendmail_client *c, const char *socket_path, struct note *why) MUST_CHECK;
void sendmail_client_close(struct sendmail_client *c);

/* One command without its CRLF, and its reply in code and words. */
enum err sendmail_client_ask(struct sendmail_client *c, struct span command, struct note *why) MUST_CHECK;
/* Header and body behind DATA's 354, and the reply. */
enum err sendmail_client_send(struct sendmail_client *c, struct span header, struct span body, struct note *why) MUST_CHECK;

#endif
