/* imap/table.c: the law table of RFC 3501 section 6 and the extensions that are served. */
#include "daemon/imap/table.h"

#include "daemon/imap/commands.h"

#define AT_START IMAP_START
#define AT_AUTHED (IMAP_AUTHED | IMAP_SELECTED)
#define AT_SELECTED IMAP_SELECTED
#define AT_ANY (IMAP_START | IMAP_AUTHED | IMAP_SELECTED)

/* imap_dispatch() enforces the law, so a runner starts where the RFC's "if accepted" begins.
 * NEED_PRIVACY lets a password through without TLS only from a loopback address of this machine, where no wire can be listened to;
 * remote peers, trusted networks included, are told PRIVACYREQUIRED. */
static const struct imap_command commands[] = {
	/* verb                     legal at     law                 capability          parse                run */
	{ SPAN("CAPABILITY"), AT_ANY, 0, CAP_NONE, NULL, imap_run_capability },
	{ SPAN("NOOP"), AT_ANY, 0, CAP_NONE, NULL, imap_run_noop },
	{ SPAN("LOGOUT"), AT_ANY, 0, CAP_NONE, NULL, imap_run_logout },
	{ SPAN("ID"), AT_ANY, 0, CAP_ID, imap_parse_id, imap_run_id },
	{ SPAN("STARTTLS"), AT_START, 0, CAP_NONE, NULL, imap_run_starttls },
	{ SPAN("LOGIN"), AT_START, NEED_PRIVACY | SECRET, CAP_NONE, imap_parse_login, imap_run_login },
	{ SPAN("AUTHENTICATE"), AT_START, NEED_PRIVACY | SECRET, CAP_NONE, imap_parse_authenticate, imap_run_authenticate },
	{ SPAN("ENABLE"), AT_AUTHED, 0, CAP_ENABLE, imap_parse_enable, imap_run_enable },
	{ SPAN("COMPRESS"), AT_AUTHED, 0, CAP_COMPRESS, imap_parse_compress, imap_run_compress },
	{ SPAN("UNAUTHENTICATE"), AT_AUTHED, 0, CAP_UNAUTHENTICATE, NULL, imap_run_unauthenticate },
	{ SPAN("NAMESPACE"), AT_AUTHED, 0, CAP_NAMESPACE, NULL, imap_run_namespace },
	{ SPAN("SELECT"), AT_AUTHED, 0, CAP_NONE, imap_parse_select, imap_run_select },
	{ SPAN("EXAMINE"), AT_AUTHED, 0, CAP_NONE, imap_parse_select, imap_run_examine },
	{ SPAN("CREATE"), AT_AUTHED, 0, CAP_NONE, imap_parse_create, imap_run_create },
	{ SPAN("DELETE"), AT_AUTHED, 0, CAP_NONE, imap_parse_mailbox, imap_run_delete },
	{ SPAN("RENAME"), AT_AUTHED, 0, CAP_NONE, imap_parse_rename, imap_run_rename },
	{ SPAN("SUBSCRIBE"), AT_AUTHED, 0, CAP_NONE, imap_parse_mailbox, imap_run_subscribe },
	{ SPAN("UNSUBSCRIBE"), AT_AUTHED, 0, CAP_NONE, imap_parse_mailbox, imap_run_unsubscribe },
	{ SPAN("LIST"), AT_AUTHED, 0, CAP_NONE, imap_parse_list, imap_run_list },
	{ SPAN("LSUB"), AT_AUTHED, 0, CAP_NONE, imap_parse_lsub, imap_run_lsub },
	{ SPAN("STATUS"), AT_AUTHED, 0, CAP_NONE, imap_parse_status, imap_run_status },
	{ SPAN("APPEND"), AT_AUTHED, 0, CAP_NONE, imap_parse_append, imap_run_append },
	{ SPAN("GETQUOTA"), AT_AUTHED, 0, CAP_QUOTA, imap_parse_getquota, imap_run_getquota },
	{ SPAN("GETQUOTAROOT"), AT_AUTHED, 0, CAP_QUOTA, imap_parse_mailbox, imap_run_getquotaroot },
	{ SPAN("SETQUOTA"), AT_AUTHED, 0, CAP_QUOTA, imap_parse_setquota, imap_run_setquota },
	{ SPAN("GETMETADATA"), AT_AUTHED, 0, CAP_METADATA, imap_parse_getmetadata, imap_run_getmetadata },
	{ SPAN("SETMETADATA"), AT_AUTHED, 0, CAP_METADATA, imap_parse_setmetadata, imap_run_setmetadata },
	{ SPAN("SETACL"), AT_AUTHED, 0, CAP_ACL, imap_parse_setacl, imap_run_setacl },
	{ SPAN("DELETEACL"), AT_AUTHED, 0, CAP_ACL, imap_parse_deleteacl, imap_run_setacl },
	{ SPAN("GETACL"), AT_AUTHED, 0, CAP_ACL, imap_parse_mailbox, imap_run_getacl },
	{ SPAN("LISTRIGHTS"), AT_AUTHED, 0, CAP_ACL, imap_parse_deleteacl, imap_run_listrights },
	{ SPAN("MYRIGHTS"), AT_AUTHED, 0, CAP_ACL, imap_parse_mailbox, imap_run_myrights },
	{ SPAN("NOTIFY"), AT_AUTHED, 0, CAP_NOTIFY, imap_parse_notify, imap_run_notify },
	{ SPAN("GENURLAUTH"), AT_AUTHED, 0, CAP_URLAUTH, imap_parse_genurlauth, imap_run_genurlauth },
	{ SPAN("URLFETCH"), AT_AUTHED, 0, CAP_URLAUTH, imap_parse_urlfetch, imap_run_urlfetch },
	{ SPAN("RESETKEY"), AT_AUTHED, 0, CAP_URLAUTH, imap_parse_resetkey, imap_run_resetkey },
	{ SPAN("ESEARCH"), AT_AUTHED, BY_UID, CAP_MULTISEARCH, imap_parse_esearch, imap_run_esearch },
	{ SPAN("IDLE"), AT_AUTHED, 0, CAP_IDLE, NULL, imap_run_idle },
	{ SPAN("CHECK"), AT_SELECTED, 0, CAP_NONE, NULL, imap_run_noop },
	{ SPAN("CLOSE"), AT_SELECTED, 0, CAP_NONE, NULL, imap_run_close },
	{ SPAN("UNSELECT"), AT_SELECTED, 0, CAP_UNSELECT, NULL, imap_run_unselect },
	{ SPAN("EXPUNGE"), AT_SELECTED, NEED_WRITE | REMOVES, CAP_NONE, NULL, imap_run_expunge },
	{ SPAN("SEARCH"), AT_SELECTED, NO_EXPUNGE | BY_SEQUENCE, CAP_NONE, imap_parse_search, imap_run_search },
	{ SPAN("FETCH"), AT_SELECTED, NO_EXPUNGE | BY_SEQUENCE, CAP_NONE, imap_parse_fetch, imap_run_fetch },
	{ SPAN("STORE"), AT_SELECTED, NEED_WRITE | NO_EXPUNGE | BY_SEQUENCE, CAP_NONE, imap_parse_store, imap_run_store },
	{ SPAN("COPY"), AT_SELECTED, BY_SEQUENCE, CAP_NONE, imap_parse_copy, imap_run_copy },
	{ SPAN("MOVE"), AT_SELECTED, NEED_WRITE | REMOVES | BY_SEQUENCE, CAP_MOVE, imap_parse_copy, imap_run_move },
	{ SPAN("REPLACE"), AT_SELECTED, NEED_WRITE | REMOVES | BY_SEQUENCE, CAP_REPLACE, imap_parse_replace, imap_run_replace },
	{ SPAN("UID EXPUNGE"), AT_SELECTED, NEED_WRITE | REMOVES | BY_UID, CAP_UIDPLUS, imap_parse_uid_expunge, imap_run_uid_expunge },
	{ SPAN("SORT"), AT_SELECTED, NO_EXPUNGE | BY_SEQUENCE, CAP_SORT, imap_parse_sort, imap_run_sort },
	{ SPAN("THREAD"), AT_SELECTED, NO_EXPUNGE | BY_SEQUENCE, CAP_NONE, imap_parse_thread, imap_run_thread },
	{ SPAN("CANCELUPDATE"), AT_SELECTED, 0, CAP_NONE, imap_parse_cancelupdate, imap_run_cancelupdate },
	{ SPAN("UIDBATCHES"), AT_SELECTED, BY_UID, CAP_UIDBATCHES, imap_parse_uidbatches, imap_run_uidbatches },
	{ SPAN("UID SORT"), AT_SELECTED, BY_UID, CAP_SORT, imap_parse_sort, imap_run_sort },
	{ SPAN("UID THREAD"), AT_SELECTED, BY_UID, CAP_NONE, imap_parse_thread, imap_run_thread },
	{ SPAN("UID SEARCH"), AT_SELECTED, BY_UID, CAP_NONE, imap_parse_search, imap_run_search },
	{ SPAN("UID FETCH"), AT_SELECTED, BY_UID, CAP_NONE, imap_parse_fetch, imap_run_fetch },
	{ SPAN("UID STORE"), AT_SELECTED, NEED_WRITE | BY_UID, CAP_NONE, imap_parse_store, imap_run_store },
	{ SPAN("UID COPY"), AT_SELECTED, BY_UID, CAP_NONE, imap_parse_copy, imap_run_copy },
	{ SPAN("UID MOVE"), AT_SELECTED, NEED_WRITE | REMOVES | BY_UID, CAP_MOVE, imap_parse_copy, imap_run_move },
	{ SPAN("UID REPLACE"), AT_SELECTED, NEED_WRITE | REMOVES | BY_UID, CAP_REPLACE, imap_parse_replace, imap_run_replace },
};

const struct imap_command *imap_command_find(struct imap_parser *p)
{
	struct span start = p->rest, verb, word;

	if (parse_atom(p, &verb))
		return NULL;
	if (span_iequals(verb, SPAN("UID"))) {
		if (!parse_char(p, ' ') || parse_atom(p, &word))
			return NULL;
		verb = span_take(start, (size_t)(word.ptr + word.len - start.ptr));
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (span_iequals(verb, commands[i].verb))
			return &commands[i];
	return NULL;
}
