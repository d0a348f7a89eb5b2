/* pop3/reply.h: the only writer of protocol text. */
#ifndef POSTROOM_POP3_REPLY_H
#define POSTROOM_POP3_REPLY_H

#include "daemon/pop3/session.h"

/* To a connection over the limits, before it has a session. */
#define REPLY_BUSY SPAN("-ERR [SYS/TEMP] Too many connections, try again later\r\n")

/* Whole lines. */
void pop3_reply_greeting(struct out *out);
void pop3_reply_ok(struct out *out, const char *text);
void pop3_reply_err(struct out *out, const char *text);
void pop3_reply_wait(struct out *out, int64_t ms); /* of a login that is not looked at */
void pop3_reply_continue(struct out *out, struct span base64);
void pop3_reply_count(struct out *out, uint32_t count, uint64_t bytes);    /* "+OK 2 320", of STAT */
void pop3_reply_maildrop(struct out *out, uint32_t count, uint64_t bytes); /* the same in words, where nothing is read from it */
void pop3_reply_octets(struct out *out, uint64_t size);                    /* "+OK 120 octets", of RETR */
void pop3_reply_message(struct out *out, bool is_reply, uint32_t number, uint64_t size);
void pop3_reply_id(struct out *out, bool is_reply, uint32_t number, const char *id);

/* Multi-line replies: a first line, then: */
void pop3_reply_line(struct out *out, const char *text);
void pop3_reply_end(struct out *out);
void pop3_reply_capabilities(const struct pop3_session *s, struct out *out);
void pop3_reply_mechanisms(const struct pop3_session *s, struct out *out);

/* Lines of a message as they are stored, some bytes at a time. */
void pop3_reply_text_begin(struct pop3_text *t);
void pop3_reply_text(struct out *out, struct pop3_text *t, struct span bytes);
void pop3_reply_text_end(struct out *out, const struct pop3_text *t);

#endif
