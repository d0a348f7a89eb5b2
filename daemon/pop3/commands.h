/* pop3/commands.h: the runners that table.c names, and what the session asks of command files. */
#ifndef POSTROOM_POP3_COMMANDS_H
#define POSTROOM_POP3_COMMANDS_H

#include "daemon/pop3/parse.h"
#include "daemon/pop3/session.h"

/* cmd_login.c */
enum step pop3_run_user(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_pass(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_auth(struct pop3_session *s, const union pop3_args *args, struct out *out);
/* A line while AUTH waits for one. */
enum step pop3_login_line(struct pop3_session *s, struct span line, struct out *out);
enum step pop3_login_answer(struct pop3_session *s, const struct pop3_answer *answer, struct out *out);

/* cmd_small.c */
enum step pop3_run_stat(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_dele(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_noop(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_rset(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_quit(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_capa(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_lang(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_utf8(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_stls(struct pop3_session *s, const union pop3_args *args, struct out *out);

/* cmd_list.c */
enum step pop3_run_list(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_uidl(struct pop3_session *s, const union pop3_args *args, struct out *out);

/* cmd_retr.c */
enum step pop3_run_retr(struct pop3_session *s, const union pop3_args *args, struct out *out);
enum step pop3_run_top(struct pop3_session *s, const union pop3_args *args, struct out *out);

#endif
