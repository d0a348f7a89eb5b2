/* chat/chat.h: transcripts of a session in memory.
 *
 * A .chat file is data: what the peer sends, what it must hear, and what the world behind the session answers. The runner
 * (chat.c) plays the pool, one struct chat_protocol plays the glue. The folder of the file chooses the protocol.
 *
 *   # comment                      also empty lines
 *   modes: whole bytes pipelined   which ways to run the file (default: whole bytes)
 *   set: WORDS                     before the first other line: chat_protocol.set(), for the fake world
 *   C: text        the peer sends text and CRLF      C! text     without CRLF
 *   C*3: text      three times                       C!*3 text   the same without CRLF
 *   FILE: name     the peer sends that file's bytes, beside the .chat file
 *   S: pattern     the next line heard; '*' is any run of bytes, '\*' a star
 *   S~ regex       the same as a POSIX extended expression (whole line)
 *   S*3: pattern   three lines, each so              S...: pattern   skips lines until one matches
 *   ASK: pattern   the session is parked with this question
 *   ANS: text      its answer. A question that no ASK or ANS line follows is answered "default"
 *   TLS:           the session has asked for the handshake; it is done now (input that was buffered is dropped)
 *   CLOSED:        the session has ended the connection, and everything it said was expected
 *   EVENT: stop    also: timeout, wake, nudge, eof
 *   CHECK: text    chat_protocol.check(): what the fake world saw
 *   NEW:           closes the session and opens another one in the same world
 *
 * Escapes in text: \r \n \t \0 \\ \* \xNN. Every line heard must be expected: left-over output fails at the next C: and at the end.
 * whole: the C: lines up to the next other line come in one piece. bytes: one by one. pipelined: the C: lines up to the next line that
 * is neither C nor S come in one piece, and then all their S: lines are compared.
 */
#ifndef POSTROOM_CHAT_CHAT_H
#define POSTROOM_CHAT_CHAT_H

#include "daemon/net/session.h"

struct chat_protocol {
	const char *name; /* the folder below tests/chat */
	/* A fresh fake world without a session. */
	void *(*world_new)(void);
	void (*world_free)(void *world);
	/* A `set:` line; ERR_SYNTAX when it means nothing. */
	enum err (*set)(void *world, struct span text);
	/* One session at a time in a world; the runner sends SESSION_START. */
	enum err (*open)(void *world);
	void (*close)(void *world);
	enum step (*feed)(void *world, struct span in, size_t *used_out, struct out *out);
	enum step (*more)(void *world, struct out *out); /* may be null */
	enum step (*event)(void *world, enum session_event event, struct out *out);
	/* The open question as text: "auth alice@example.org secret". */
	void (*question)(void *world, struct buf *out);
	/* Answers it; "default" is what a friendly world would say. ERR_SYNTAX when the text means nothing. */
	enum err (*answer)(void *world, struct span text, enum step *step_out, struct out *out);
	/* A `CHECK:` line; fills `why` when the world looks otherwise. */
	enum err (*check)(void *world, struct span text, struct note *why);
};

extern const struct chat_protocol chat_smtp, chat_imap, chat_pop3;

#endif
