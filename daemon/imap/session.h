/* imap/session.h: one IMAP4rev1 session (RFC 3501), sans-I/O. Internal to this folder, its tests and its fuzzer.
 *
 * What the session needs of the world stands in struct imap_service, which glue.c, a test or a fuzzer fills in.
 */
#ifndef POSTROOM_IMAP_SESSION_H
#define POSTROOM_IMAP_SESSION_H

#include "daemon/auth/auth.h"
#include "daemon/auth/exchange.h"
#include "daemon/directory/grants.h"
#include "daemon/imap/args.h"
#include "daemon/imap/capability.h"
#include "daemon/imap/limits.h"
#include "daemon/net/session.h"
#include "daemon/store/annotation.h"
#include "daemon/store/journal.h"
#include "daemon/store/seen.h"
#include "daemon/store/share.h"
#include "daemon/store/url_key.h"

struct imap_session;
struct imap_notify;
struct imap_command;

struct imap_contexts;

/* A body that is written while it arrives. */
struct imap_body_file;

/* What a login opens. */
struct imap_account {
	struct mailstore *store;
	uint64_t off; /* CAP_BIT() of the capabilities that are switched off for it */
	void *shares; /* for the service's share_ functions: what it may in other accounts; lives until account_close */
};

/* What SETACL and DELETEACL do (RFC 4314 3.1). */
struct imap_grant_change {
	struct grant grant; /* rights: those that replace, are added, are taken */
	enum imap_grant_how how;
	struct span mailbox; /* its name, for the audit */
};

/* Quick questions: local memory or disk. The store's own functions under the same names and contracts. */
struct imap_service {
	/* The account after a right password; counted against its limit. ERR_LIMIT: too many sessions; ERR_DENIED: suspended by now. */
	enum err (*account_open)(void *ctx, uint64_t account_id, struct imap_account *out);
	void (*account_close)(void *ctx, struct mailstore **m);
	/* What an account may hold, and what it holds (RFC 9208; used_out may be null). */
	enum err (*quota)(void *ctx, uint64_t account_id, struct store_room *limits_out, struct store_room *used_out);
	/* May the session's account set that, and does it (quota_set.h). */
	bool (*quota_may)(void *ctx, uint64_t account_id);
	enum err (*quota_set)(void *ctx, uint64_t account_id, const struct store_room *limits);
	/* The account that a URL with this host, and perhaps a user, means; without a user the session's. ERR_NOT_FOUND: none that is open to anybody. */
	enum err (*find_login)(void *ctx, struct span user, struct span host, uint64_t *account_id_out);
	/* Another account's mail, for a moment; no session of it. ERR_NOT_FOUND: it has none, or nothing of it is given away. */
	enum err (*url_open)(void *ctx, uint64_t account_id, struct mailstore **out);
	void (*url_close)(struct mailstore **m);

	/* Mailboxes of other accounts, and grants on them (share_service.h). An account that is not enabled has none for others. */
	enum err (*share_find)(void *shares, struct span address, uint64_t *account_id_out); /* any case, the domain perhaps an alias. ERR_NOT_FOUND */
	struct span (*share_address)(void *shares, uint64_t account_id, struct arena *a);    /* ptr null: it is gone, or there is no room */
	unsigned (*share_rights)(void *shares, uint64_t owner, uint64_t mailbox_id);         /* that the session's account has now */
	/* Those that let it look anything up. A change of grants after this wakes the session. */
	enum err (*share_owners)(void *shares, struct arena *a, uint64_t **out, size_t *count_out);
	uint64_t (*share_version)(void *shares); /* another one once grants have changed */
	/* A reference to be given back with url_close. ERR_NOT_FOUND: nothing is granted there. */
	enum err (*share_open)(void *shares, uint64_t owner, struct mailstore **out);
	/* Who may what there, beside the owner: each grantee once, with the rights that count for it, not those without. In the arena. */
	enum err (*share_list)(void *shares, uint64_t owner, uint64_t mailbox_id, struct arena *a, struct grant **out, size_t *count_out);
	/* Changes of grants, durable. ERR_LIMIT: too many. ERR_STATE: another change is under way that can't be waited for, or the account makes too many.
	 * share_inherit: for all of these mailboxes, or none. */
	enum err (*share_change)(void *shares, const struct imap_grant_change *change);
	enum err (*share_inherit)(void *shares, uint64_t owner, uint64_t parent, const uint64_t *mailbox_ids, size_t count);
	void (*share_forget)(void *shares, uint64_t owner, uint64_t mailbox_id); /* what it can't now does no harm: no mailbox gets that id again */

	bool (*may_bind)(void *ctx);  /* SCRAM-SHA-256-PLUS is on offer */
	void (*scram_end)(void *ctx); /* what a SCRAM exchange has left behind is not wanted any more */
	/* SESSION_WAKE after each change of the mailbox (0: of any), until unwatch. */
	void (*watch)(void *ctx, struct mailstore *m, uint64_t mailbox_id, struct store_watch *w);
	void (*unwatch)(void *ctx, struct mailstore *m, struct store_watch *w);

	enum err (*body_begin)(struct mailstore *m, struct arena *a, struct imap_body_file **out);
	enum err (*body_write)(struct imap_body_file *f, struct span bytes);
	enum err (*body_seal)(struct imap_body_file *f, const char **path_out); /* all is written; append makes it durable */
	void (*body_end)(struct imap_body_file **f, bool keep);                 /* !keep: nothing is left behind */
	/* Bytes of a body file for searching and header picking. */
	enum err (*body_read)(const char *path, uint64_t offset, size_t length, struct buf *out);

	enum err (*name_normal)(struct span name, struct arena *a, struct span *out);
	enum err (*list)(struct mailstore *m, struct arena *a, struct mailbox_info **out, size_t *count_out);
	enum err (*find)(struct mailstore *m, struct span name, struct arena *a, struct mailbox_info *out);
	enum err (*create)(struct mailstore *m, struct span name, enum special_use use);
	enum err (*remove)(struct mailstore *m, struct span name);
	enum err (*rename)(struct mailstore *m, struct span from, struct span to);
	enum err (*subscribe)(struct mailstore *m, struct span name, bool on);

	enum err (*journal_follow)(struct mailstore *m, uint64_t viewer, struct journal_mark *out);
	void (*journal_leave)(struct mailstore *m);
	enum err (*journal_read)(struct mailstore *m, struct journal_mark *mark, struct arena *a, struct journal_news *out);

	enum err (*append_all)(struct mailstore *m, uint64_t mailbox_id, const struct new_message *messages, size_t count, const struct store_room *room,
			       struct append_result *first);
	enum err (*deleted_bytes)(struct mailstore *m, uint64_t mailbox_id, uint64_t *out);
	enum err (*keyword_bit)(struct mailstore *m, struct span name, bool create, uint64_t *bit_out);
	enum err (*keywords)(struct mailstore *m, struct arena *a, struct span **out, size_t *count_out);

	/* Annotations (store/annotation.h). */
	enum err (*annotation_each)(struct mailstore *m, uint64_t mailbox_id, uint64_t reader, struct span top, struct span after,
				    bool (*each)(void *arg, struct span entry, struct span value), void *arg);
	enum err (*annotation_set)(struct mailstore *m, uint64_t mailbox_id, const struct annotation *list, size_t count, const void *by);
	uint64_t (*annotation_mark)(struct mailstore *m);
	enum err (*annotation_news)(struct mailstore *m, uint64_t viewer, const void *by, uint64_t *mark, struct arena *a, struct annotation_news **out,
				    size_t *count_out);
	/* /shared/comment and /shared/admin of the server (RFC 5464 6.2.1); ptr null: none. In the arena. */
	void (*server_notes)(void *ctx, struct arena *a, struct span *comment_out, struct span *admin_out);

	enum err (*url_key_find)(struct mailstore *m, uint64_t mailbox_id, struct url_key *out);
	enum err (*url_key_make)(struct mailstore *m, uint64_t mailbox_id, struct url_key *out);
	enum err (*url_key_remove)(struct mailstore *m, uint64_t mailbox_id);

	enum err (*view_open)(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, struct view **out);
	enum err (*view_open_readonly)(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, struct view **out);
	void (*view_close)(struct view **v);
	uint64_t (*view_modseq)(const struct view *v);
	uint32_t (*view_count)(const struct view *v);
	uint32_t (*view_uid_of)(const struct view *v, uint32_t sequence);
	bool (*view_sequence_of)(const struct view *v, uint32_t uid, uint32_t *sequence_out);
	uint32_t (*view_last_uid)(const struct view *v);
	uint32_t (*view_first_from)(const struct view *v, uint32_t uid);
	enum err (*view_first_unseen)(struct view *v, uint32_t *sequence_out);
	uint32_t (*view_recent_count)(const struct view *v);
	bool (*view_is_recent)(const struct view *v, uint32_t uid);
	enum err (*view_recent_waiting)(struct mailstore *m, uint64_t mailbox_id, uint32_t *count_out);
	bool (*view_is_stale)(const struct view *v);
	bool (*view_is_gone)(const struct view *v);
	enum err (*view_sync)(struct view *v, bool may_expunge, struct arena *a, struct view_changes *out);
	enum err (*view_read)(struct view *v, const struct uid_set *set, uint32_t after_uid, unsigned want,
			      bool (*each)(void *arg, const struct message_row *row), void *arg, uint32_t *last_uid_out, bool *end_out);
	enum err (*view_store)(struct view *v, const struct uid_set *set, enum flag_change how, uint64_t flags, struct arena *a,
			       struct view_flags_changed **rows_out, size_t *count_out);
	enum err (*view_read_since)(struct view *v, const struct uid_set *set, uint64_t since, uint32_t after_uid, unsigned want,
				    bool (*each)(void *arg, const struct message_row *row), void *arg, uint32_t *last_uid_out, bool *end_out);
	enum err (*view_vanished)(struct view *v, uint64_t since, const struct uid_set *known, struct arena *a, struct uid_set *out);
	enum err (*view_store_unchanged)(struct view *v, const struct uid_set *set, uint64_t since, enum flag_change how, uint64_t flags, struct arena *a,
					 struct view_flags_changed **rows_out, size_t *count_out, struct uid_set *modified, bool *gone_out);
	enum err (*view_expunge)(struct view *v, const struct uid_set *set, size_t *count_out);
	enum err (*view_replace)(struct view *v, uint32_t uid, uint64_t target_mailbox_id, const struct new_message *message,
				 const struct store_room *room, struct append_result *out);
	enum err (*view_copy)(struct view *v, const struct uid_set *set, uint64_t target_mailbox_id, bool move, uint64_t flags, const struct store_room *room,
			      struct arena *a, uint32_t *uid_validity_out, struct uid_pair **out, size_t *count_out);
	enum err (*view_copy_to)(struct view *v, const struct uid_set *set, struct mailstore *target, uint64_t target_mailbox_id, const struct share_terms *terms,
				 struct arena *a, uint32_t *uid_validity_out, struct uid_pair **out, size_t *count_out);
	void (*view_allow)(struct view *v, uint64_t flags);
	enum err (*unseen_for)(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, uint32_t *count_out);
};

enum imap_state {
	IMAP_START = 1, /* not authenticated */
	IMAP_AUTHED = 2,
	IMAP_SELECTED = 4,
	IMAP_ENDED = 8, /* BYE was said: nothing is read any more */
};

/* What the next bytes from the peer are. */
enum imap_input {
	INPUT_LINE,
	INPUT_LITERAL, /* collected into the command */
	INPUT_APPEND,  /* streamed into a message */
	INPUT_SWALLOW, /* a refused literal: read and forgotten, then the command fails with `refusal` */
	INPUT_SASL,    /* the client's response line of AUTHENTICATE */
	INPUT_IDLE,    /* DONE */
};

enum imap_status { IMAP_OK,
		   IMAP_NO,
		   IMAP_BAD };

/* The open question. Valid until the answer. */
enum imap_ask_kind {
	IMAP_ASK_PASSWORD,    /* is it right? */
	IMAP_ASK_SCRAM_FIRST, /* a new exchange: the challenge? */
	IMAP_ASK_SCRAM_FINAL, /* who is it, and what proves the server? */
};
struct imap_ask {
	enum imap_ask_kind kind;
	struct span login, password;
	struct span scram; /* the client's message */
	bool scram_plus;   /* of SCRAM_FIRST */
};
struct imap_answer {
	struct auth_result result; /* of PASSWORD and SCRAM_FINAL */
	enum err error;            /* of SCRAM_: how the message was taken; SYNTAX: it was none */
	struct span text;          /* of SCRAM_: the server's message; borrowed for the call */
};

/* The command that runs. */
struct imap_run {
	const struct imap_command *command; /* null: none */
	char tag[IMAP_TAG_MAX + 1];
	union imap_args args;
	enum step (*more)(struct imap_session *s, struct out *out); /* set while output is to come */
	void *work;                                                 /* of a command that yields; in `arena` */
	void (*drop)(struct imap_session *s);                       /* gives back what the command holds outside of `arena`, however it ends; or null */
	struct arena arena, batch;                                  /* of the command; of its present batch or message */
	enum imap_status status;                                    /* of the tagged reply to come */
	struct span text;
	enum step then;                 /* behind the tagged reply; REPLY unless the connection changes */
	struct view_changes changes;    /* being told */
	size_t expunged_at, changed_at; /* expunged_at: in `vanished` where these are told as UIDs */
	uint32_t recent;                /* what RECENT said before them */
	int64_t progress_ms;            /* when the client last heard of a command that takes long; 0: not asked yet */
	bool tell_modseq;               /* in the tagged OK: messages have left (RFC 7162 3.2.7) */
	bool mid_line;                  /* an untagged line is begun and not ended */
};

/* A mailbox that is there (place.h). */
struct imap_place {
	uint64_t owner;              /* account */
	struct mailstore *store;     /* of it: the session's own, or one that stays open until the running command ends */
	struct mailbox_info mailbox; /* its name is the one in the owner's account; in the command's arena */
	unsigned rights;             /* all that the session has there: RIGHT_ALL in its own */
};

/* Another account's mail that the running command has opened; malloced. */
struct imap_opened {
	uint64_t owner;
	struct mailstore *store;
	struct imap_opened *next;
};

struct imap_session {
	const struct imap_service *service;
	void *ctx; /* glue's */
	const struct session_peer *peer;
	bool may_starttls;
	enum imap_state state;
	enum imap_input input;

	struct buf line;        /* the command so far: lines and literals as they came */
	size_t line_start;      /* where the present line begins in `line` */
	size_t line_charged;    /* of it, to the account: a command with large literals */
	uint64_t literal_left;  /* of INPUT_LITERAL, INPUT_APPEND, INPUT_SWALLOW */
	unsigned literal_count; /* in this command */
	struct span refusal;    /* static */
	enum imap_status refusal_status;

	unsigned bad_count, login_failures;
	struct imap_ask ask;
	struct exchange exchange;   /* of AUTHENTICATE */
	struct imap_append *append; /* while APPEND or REPLACE arrives */

	uint64_t account_id;
	struct mailstore *store; /* of the session's own account */
	void *shares;
	struct imap_opened *opened; /* others' */
	/* The selected mailbox, while `view` is open. `store` is the one above, or has a reference of its own; `mailbox` has no name: it may change. */
	struct imap_place at;
	struct view *view;
	struct store_watch watch; /* while `watching` (watch.h) */
	bool watching;
	bool examined;        /* by EXAMINE */
	bool read_only;       /* that, or no right to change anything */
	bool rights_changed;  /* since the client was told FLAGS and PERMANENTFLAGS (RFC 4314 5.1.1) */
	bool access_changed;  /* and `read_only` with them */
	uint64_t off;         /* capabilities that this account is not offered */
	unsigned enabled;     /* of enum imap_enabled */
	bool compressed;      /* COMPRESS is on: not again (RFC 4978 3) */
	struct uid_set saved; /* "$" (RFC 5182), in saved_arena; kept sorted; UIDs that are gone since do no harm */
	struct arena saved_arena;
	struct imap_contexts *contexts; /* searches that are kept up to date; null: none */
	struct imap_notify *notify;     /* null: NOTIFY was not used */
	struct {
		bool used;         /* by ENABLE or NOTIFY: it hears of others' changes from then on (RFC 5464 4.4.2) */
		uint64_t home, at; /* marks of annotation_news(): of `store`, and of the selected mailbox's */
	} metadata;
	struct arena keyword_arena;
	struct span *keywords; /* by bit; keyword_arena */
	size_t keyword_count;
	uint64_t keyword_mask; /* flag bits that have a name here */

	struct imap_run run;
};

enum err imap_session_new(const struct imap_service *service, void *ctx, const struct session_peer *peer, bool may_starttls,
			  struct imap_session **out) MUST_CHECK;
void imap_session_free(struct imap_session **s);
enum step imap_session_event(struct imap_session *s, enum session_event event, struct out *out);
enum step imap_session_feed(struct imap_session *s, struct span in, size_t *used_out, struct out *out);
enum step imap_session_more(struct imap_session *s, struct out *out);
enum step imap_session_answer(struct imap_session *s, const struct imap_answer *answer, struct out *out);
int64_t imap_session_deadline_ms(const struct imap_session *s);
int64_t imap_session_nudge_ms(const struct imap_session *s);

/* For the command files. */

/* With BYE: why the mailbox that is selected isn't any more. */
static inline const char *imap_gone_text(const struct imap_session *s)
{
	return s->at.rights & RIGHT_READ ? "The selected mailbox was deleted" : "The selected mailbox is not shared any more";
}

static inline bool imap_has(const struct imap_session *s, enum imap_capability cap)
{
	return !(s->off & CAP_BIT(cap));
}

/* Ends the running command: tells what changed in the mailbox, then the tagged reply. `text` lives in run.arena or is static. */
enum step imap_finish(struct imap_session *s, struct out *out, enum imap_status status, struct span text);
/* The same with the words for an error; OK gives `done`. */
enum step imap_finish_err(struct imap_session *s, struct out *out, enum err e, struct span done);
/* Of a command that takes long, where a line may begin: tells the client every ten seconds how far it is (RFC 9585). `goal` 0: not known. */
void imap_in_progress(struct imap_session *s, struct out *out, uint64_t done, uint64_t goal);
/* "* BYE text" and the end. */
enum step imap_bye(struct imap_session *s, struct out *out, const char *text);
bool imap_set_state(struct imap_session *s, enum imap_state to);
void imap_unselect(struct imap_session *s); /* closes the view; to AUTHED */
/* LOGIN allowed on this connection as it is? */
bool imap_may_login(const struct imap_session *s);
/* Runs what now stands in s->line (called by the reader when a command is complete). */
enum step imap_dispatch(struct imap_session *s, struct out *out);
/* Fails the command whose tag stands in s->line. */
enum step imap_refuse(struct imap_session *s, struct out *out, enum imap_status status, struct span text);

#endif
