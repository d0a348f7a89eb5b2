/* imap/input.h: the reader: lines and literals to whole commands. */
#ifndef POSTROOM_IMAP_INPUT_H
#define POSTROOM_IMAP_INPUT_H

#include "daemon/imap/session.h"

/* Uses as much as belongs to one command. */
enum step imap_input_feed(struct imap_session *s, struct span in, size_t *used_out, struct out *out);

/* Of session.c: is what stands in s->line, up to the announcement of a literal at its end if there is one, the begin of an APPEND or REPLACE? */
enum imap_append_try {
	APPEND_NOT_YET, /* another command, or the literal is a name */
	APPEND_BEGUN,   /* s->append walks on */
	APPEND_REFUSED, /* s->run.status and text say why */
};
enum imap_append_try imap_try_append(struct imap_session *s);
/* Is there such a command, and may it come now? Looked at before its arguments are there. Else run->status and run->text say why not. */
bool imap_is_lawful(struct imap_session *s);

#endif
