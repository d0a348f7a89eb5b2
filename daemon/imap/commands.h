/* imap/commands.h: parsers and runners of the law table; each runner stands in its cmd_*.c, the parsers in parse_*.c and search_parse.c. */
#ifndef POSTROOM_IMAP_COMMANDS_H
#define POSTROOM_IMAP_COMMANDS_H

#include "daemon/imap/parse.h"
#include "daemon/imap/session.h"

enum err imap_parse_id(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_login(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_authenticate(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_enable(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_compress(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_mailbox(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_create(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_select(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_rename(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_list(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_lsub(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_status(struct imap_parser *p, union imap_args *out) MUST_CHECK;
/* Up to the first message: append_walk.c reads on. */
enum err imap_parse_replace(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_getquota(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_setquota(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_getmetadata(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_setmetadata(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_setacl(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_deleteacl(struct imap_parser *p, union imap_args *out) MUST_CHECK; /* also of LISTRIGHTS */
enum err imap_parse_append(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_search(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_esearch(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_sort(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_thread(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_fetch(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_store(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_copy(struct imap_parser *p, union imap_args *out) MUST_CHECK;
/* fetch-att *(SP fetch-att) ")": what stands behind "(". */
enum err imap_parse_fetch_atts(struct imap_parser *p, struct fetch_item **items_out, size_t *count_out) MUST_CHECK;
enum err imap_parse_notify(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_uid_expunge(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_genurlauth(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_urlfetch(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_resetkey(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_cancelupdate(struct imap_parser *p, union imap_args *out) MUST_CHECK;
enum err imap_parse_uidbatches(struct imap_parser *p, union imap_args *out) MUST_CHECK;

enum step imap_run_capability(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_noop(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_logout(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_id(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_starttls(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_login(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_authenticate(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_enable(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_compress(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_unauthenticate(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_namespace(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_select(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_examine(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_create(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_delete(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_rename(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_subscribe(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_unsubscribe(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_list(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_lsub(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_status(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_append(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_replace(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_getquota(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_getquotaroot(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_setquota(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_getmetadata(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_setmetadata(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_setacl(struct imap_session *s, const union imap_args *args, struct out *out); /* and DELETEACL */
enum step imap_run_getacl(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_listrights(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_myrights(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_idle(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_close(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_unselect(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_expunge(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_uid_expunge(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_search(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_esearch(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_sort(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_thread(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_fetch(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_store(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_copy(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_move(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_genurlauth(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_urlfetch(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_resetkey(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_notify(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_cancelupdate(struct imap_session *s, const union imap_args *args, struct out *out);
enum step imap_run_uidbatches(struct imap_session *s, const union imap_args *args, struct out *out);

/* Lines that several commands say. LIST of one mailbox; OLDNAME where the client wrote another name (RFC 9051 6.3.9.7). */
void imap_list_one(struct imap_session *s, const struct mailbox_info *m, struct span written, struct out *out);
/* The same for NOTIFY; `no_access`: it is there, and not for this session (RFC 5465 5.9). */
void imap_list_change(struct imap_session *s, const struct mailbox_info *m, struct span written, bool no_access, struct out *out);
enum err imap_status_tell(struct imap_session *s, const struct imap_place *place, const struct mailbox_info *shown, unsigned items, struct out *out) MUST_CHECK;

/* What the session continues outside of a runner. */
enum step imap_login_line(struct imap_session *s, struct span line, struct out *out); /* INPUT_SASL */
enum step imap_login_answer(struct imap_session *s, const struct imap_answer *answer, struct out *out);
enum step imap_idle_line(struct imap_session *s, struct span line, struct out *out); /* INPUT_IDLE */
enum step imap_idle_wake(struct imap_session *s, struct out *out);
void imap_idle_end(struct imap_session *s);

/* APPEND and REPLACE while they arrive. `at`: where in s->line the first message begins. False: s->run.status and text say why not. */
bool imap_append_begin(struct imap_session *s, size_t at);
bool imap_replace_begin(struct imap_session *s); /* within it */
void imap_append_feed(struct imap_session *s, struct span bytes);
/* All is there: filed, whole or not at all, and dropped. */
enum err imap_append_file(struct imap_session *s, struct append_result *out) MUST_CHECK;
enum step imap_append_failed(struct imap_session *s, struct out *out, enum err e);
/* Not of a mailbox that the client may not read: it would hear about it (RFC 4315 3). Before imap_append_file(). */
bool imap_append_tells_uids(const struct imap_session *s);
void imap_append_drop(struct imap_session *s); /* harmless without one */

#endif
