/* smtp/commands.h: the runners that table.c names, one cmd_ file a command, and what they share. */
#ifndef POSTROOM_SMTP_COMMANDS_H
#define POSTROOM_SMTP_COMMANDS_H

#include "daemon/smtp/state.h"

/* cmd_small.c */
enum step smtp_run_ehlo(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
enum step smtp_run_helo(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
enum step smtp_run_rset(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
enum step smtp_run_noop(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
enum step smtp_run_quit(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
enum step smtp_run_vrfy(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
enum step smtp_run_help(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
enum step smtp_run_not_implemented(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
enum step smtp_run_starttls(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
/* cmd_mail.c, cmd_rcpt.c */
/* The address as text in the transaction's arena; ERR_LIMIT when that is full. */
enum err smtp_address_text(struct smtp_session *s, const struct address *address, struct span *out) MUST_CHECK;
enum step smtp_run_mail(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
enum step smtp_run_rcpt(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
/* cmd_data.c: also the content of both kinds and the message's end */
enum step smtp_run_data(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
enum step smtp_data_feed(struct smtp_session *s, struct span in, size_t *used_out, struct smtp_reply *reply);
/* The time and size of content are counted from here. */
void smtp_content_measure(struct smtp_session *s);
enum err smtp_content_begin(struct smtp_session *s, bool dots) MUST_CHECK;
/* BODY_BAD has its reply; MORE: it goes on. */
enum body_found smtp_content_add(struct smtp_session *s, struct span in, size_t *used_out, struct smtp_reply *reply);
bool smtp_content_is_endless(struct smtp_session *s, struct smtp_reply *reply);
void smtp_content_refuse(struct smtp_session *s, enum smtp_reply_id refusal);
/* The reply about the message, once for each of its recipients on LMTP (RFC 2033 4.2); told to the trace. Before the transaction is cleared. */
void smtp_content_refused(struct smtp_session *s, enum smtp_reply_id refusal, struct smtp_reply *reply);
enum step smtp_content_finish(struct smtp_session *s, struct smtp_reply *reply);
enum step smtp_commit_answer(struct smtp_session *s, const struct smtp_answer *answer, struct smtp_reply *reply);
/* cmd_bdat.c */
enum step smtp_run_bdat(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
/* The octets of a chunk that the law refused are read and forgotten; then `refusal` is the answer. */
enum step smtp_bdat_refuse(struct smtp_session *s, const union smtp_args *args, enum smtp_reply_id refusal, struct smtp_reply *reply);
enum step smtp_chunk_feed(struct smtp_session *s, struct span in, size_t *used_out, struct smtp_reply *reply);
/* cmd_auth.c */
void smtp_auth_forget(struct smtp_session *s); /* an exchange is over, whichever way */
enum step smtp_run_auth(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
enum step smtp_auth_response(struct smtp_session *s, struct span line, struct smtp_reply *reply);
enum step smtp_auth_answer(struct smtp_session *s, const struct smtp_answer *answer, struct smtp_reply *reply);

#endif
