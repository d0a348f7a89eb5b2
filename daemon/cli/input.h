/* cli/input.h: what people type and files hold: passwords, confirmations, bodies; internal to cli/. */
#ifndef POSTROOM_CLI_INPUT_H
#define POSTROOM_CLI_INPUT_H

#include "daemon/base/buf.h"

#define INPUT_FILE_MAX (64u * 1024u * 1024u) /* what the API takes of an upload */

/* The first line of standard input; on a terminal asked for without echo. ERR_SYNTAX: none came, or it is too long or has a NUL. */
enum err input_password(struct buf *out, struct note *why) MUST_CHECK;
/* "-" is standard input. ERR_SYNTAX: not to be read, or larger than the buffer's ceiling. */
enum err input_file(const char *path, struct buf *out, struct note *why) MUST_CHECK;
/* On a terminal asks, and takes "y" and "yes" for yes. False where there is no terminal; *terminal_out says whether there is one. */
bool input_confirm(const char *question, bool *terminal_out);

#endif
