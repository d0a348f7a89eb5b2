/* cli/sendmail_pipe.h: sendmail -bs: SMTP on standard input and output; internal to cli/. */
#ifndef POSTROOM_CLI_SENDMAIL_PIPE_H
#define POSTROOM_CLI_SENDMAIL_PIPE_H

/* The exit status. */
int sendmail_pipe(const char *socket_path);

#endif
