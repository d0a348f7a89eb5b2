/* imap/args.h: the typed arguments of commands: what parsers make and runners take. Spans live as long as the command. */
#ifndef POSTROOM_IMAP_ARGS_H
#define POSTROOM_IMAP_ARGS_H

#include "daemon/mime/thread.h"
#include "daemon/store/view.h"

/* What the client has switched on (RFC 5161); UNAUTHENTICATE switches it off again. CONDSTORE also by use (RFC 7162 3.1). */
enum imap_enabled {
	ENABLED_REV2 = 1,
	ENABLED_CONDSTORE = 2,
	ENABLED_QRESYNC = 4, /* with CONDSTORE */
	ENABLED_UTF8 = 8,
	ENABLED_UIDONLY = 16,         /* with it no sequence number is sent or taken (RFC 9586) */
	ENABLED_METADATA = 32,        /* others' changes of annotations are told (RFC 5464 4.4.2) */
	ENABLED_METADATA_SERVER = 64, /* those of the server's entries alone */
};

/* A sequence-set as written; 0 stands for "*". `saved`: it is "$", the result that a SEARCH has kept (RFC 5182), and has no ranges. */
struct imap_range {
	uint32_t first, last;
};
struct imap_set {
	struct imap_range *ranges;
	size_t count;
	bool saved;
};

/* PARTIAL (RFC 9394): "1:100", or from the end "-1:-100"; first and last are positions from 1, in order. */
struct imap_partial {
	bool given, from_end;
	uint32_t first, last;
};

/* Flags as written: FLAG_* bits and keyword names. */
struct imap_flags {
	uint64_t system;
	struct span *keywords;
	size_t count;
};

enum fetch_kind {
	FETCH_FLAGS,
	FETCH_UID,
	FETCH_INTERNALDATE,
	FETCH_SIZE,
	FETCH_ENVELOPE,
	FETCH_BODY_PLAIN,     /* BODY: structure without extension data */
	FETCH_BODY_STRUCTURE, /* BODYSTRUCTURE */
	FETCH_SECTION,        /* BODY[...], RFC822, RFC822.HEADER, RFC822.TEXT */
	FETCH_BINARY,         /* BINARY[...] (RFC 3516): numbers, peek, partial */
	FETCH_BINARY_SIZE,
	FETCH_MODSEQ,
	FETCH_PREVIEW, /* RFC 8970; LAZY changes nothing: it is there, or is made from what is on the disk */
	FETCH_EMAILID, /* RFC 8474 */
	FETCH_THREADID,
	FETCH_SAVEDATE, /* RFC 8514 */
};
enum section_text {
	SECTION_ALL, /* no word: the whole, or the part's content */
	SECTION_HEADER,
	SECTION_FIELDS,
	SECTION_FIELDS_NOT,
	SECTION_TEXT,
	SECTION_MIME,
};
struct fetch_item {
	enum fetch_kind kind;
	bool peek, partial;
	enum section_text text;
	uint32_t *numbers; /* "1.2.3" */
	size_t number_count;
	struct span *fields; /* HEADER.FIELDS */
	size_t field_count;
	uint64_t offset, length; /* of partial */
	struct span label;       /* what the reply calls it */
};

enum search_op {
	SEARCH_ALL,
	SEARCH_AND,
	SEARCH_OR,
	SEARCH_NOT,
	SEARCH_FLAGGED,   /* has the bits of `flags` */
	SEARCH_UNFLAGGED, /* has none of them */
	SEARCH_KEYWORD,
	SEARCH_UNKEYWORD,
	SEARCH_RECENT,
	SEARCH_SEQUENCE,
	SEARCH_UID,
	SEARCH_UID_AFTER, /* `number` (RFC 9738 3.2) */
	SEARCH_UID_BEFORE,
	SEARCH_LARGER,
	SEARCH_SMALLER,
	SEARCH_BEFORE,
	SEARCH_ON,
	SEARCH_SINCE,
	SEARCH_SENT_BEFORE,
	SEARCH_SENT_ON,
	SEARCH_SENT_SINCE,
	SEARCH_HEADER,  /* a field as it stands in the header */
	SEARCH_ADDRESS, /* FROM, TO, CC, BCC: of the envelope's; `number` says which */
	SEARCH_SUBJECT,
	SEARCH_BODY,
	SEARCH_TEXT,
	SEARCH_MODSEQ,  /* `number` (RFC 7162 3.1.5) */
	SEARCH_YOUNGER, /* `number` seconds (RFC 5032) */
	SEARCH_OLDER,
	SEARCH_SAVED_BEFORE, /* RFC 8514 */
	SEARCH_SAVED_ON,
	SEARCH_SAVED_SINCE,
	SEARCH_SAVEDATE_SUPPORTED,
	SEARCH_EMAILID, /* `key` (RFC 8474) */
	SEARCH_THREADID,
};
struct search_hits;
struct fuzzy_key;
struct search_node {
	enum search_op op;
	uint32_t first_child, next; /* indexes; 0: none (the root, node 0, is nobody's child) */
	uint64_t flags;             /* FLAGGED, UNFLAGGED; the keyword's bit once known */
	uint64_t number;            /* LARGER, SMALLER, MODSEQ, YOUNGER, OLDER; the object id's once known */
	int64_t day;
	struct span name;              /* header field, keyword */
	struct span key;               /* as written; then in UTF-8 and case-mapped */
	bool is_fuzzy;                 /* within FUZZY (RFC 6203) */
	const struct fuzzy_key *fuzzy; /* the words of such a key; null: to be compared as it stands */
	struct imap_set set;
	struct uid_set uids;      /* the set once resolved */
	struct search_hits *hits; /* what the index knows of the key; null: nothing */
};
struct search_tree {
	struct span charset; /* empty: none given */
	bool has_sequences, has_modseq, has_fuzzy;
	struct search_node *nodes;
	size_t count;
	struct mailstore *asked; /* whose index the `hits` are of */
};

/* Which mailboxes are meant (RFC 5465 6, RFC 7377 2.2). */
enum filter_kind {
	FILTER_SELECTED,
	FILTER_SELECTED_DELAYED, /* of NOTIFY */
	FILTER_PERSONAL,
	FILTER_SUBSCRIBED,
	FILTER_SUBTREE,
	FILTER_SUBTREE_ONE, /* of ESEARCH */
	FILTER_MAILBOXES,
};
struct mailbox_filter {
	enum filter_kind kind;
	struct span *names; /* of SUBTREE, SUBTREE_ONE, MAILBOXES */
	size_t count;
};

/* RETURN of SEARCH and SORT (RFC 4731, 5182, 5267, 6203, 9394). */
enum {
	RETURN_MIN = 1,
	RETURN_MAX = 2,
	RETURN_ALL = 4,
	RETURN_COUNT = 8,
	RETURN_SAVE = 16,
	RETURN_PARTIAL = 32,
	RETURN_UPDATE = 64,
	RETURN_RELEVANCY = 128,
};
struct search_return {
	bool given; /* RETURN stands there, perhaps empty: ALL */
	unsigned what;
	struct imap_partial partial;
	struct span update; /* what UPDATE wants of new messages, "fetch-att ...)" (RFC 5465 7); empty: nothing */
};

enum sort_key { SORT_ARRIVAL,
		SORT_CC,
		SORT_DATE,
		SORT_FROM,
		SORT_RELEVANCY,
		SORT_SIZE,
		SORT_SUBJECT,
		SORT_TO,
		SORT_DISPLAYFROM,
		SORT_DISPLAYTO };
#define SORT_KEYS_MAX 16
struct sort_program {
	struct {
		enum sort_key key;
		bool reverse;
	} keys[SORT_KEYS_MAX];
	size_t count;
};

/* Selection and return options of LIST (RFC 5258, RFC 6154). REMOTE asks for nothing here: there are no remote mailboxes. */
enum {
	LIST_SUBSCRIBED = 1,
	LIST_SPECIAL_USE = 2,
	LIST_RECURSIVE = 4, /* RECURSIVEMATCH */
	LIST_CHILDREN = 8,
};

enum {
	STATUS_MESSAGES = 1,
	STATUS_RECENT = 2,
	STATUS_UIDNEXT = 4,
	STATUS_UIDVALIDITY = 8,
	STATUS_UNSEEN = 16,
	STATUS_SIZE = 32,
	STATUS_DELETED = 64,
	STATUS_HIGHESTMODSEQ = 128,
	STATUS_MAILBOXID = 256,
	STATUS_APPENDLIMIT = 512,
	STATUS_DELETED_STORAGE = 1024,
};

/* What NOTIFY asks for (RFC 5465 5). */
enum {
	NOTIFY_NEW = 1,
	NOTIFY_EXPUNGE = 2,
	NOTIFY_FLAGS = 4,
	NOTIFY_NAME = 8,
	NOTIFY_SUBSCRIPTION = 16,
	NOTIFY_METADATA = 32,
	NOTIFY_SERVER_METADATA = 64,
};
struct notify_group {
	struct mailbox_filter where;
	unsigned events;          /* NOTIFY_ */
	struct fetch_item *items; /* of MessageNew */
	size_t item_count;
};

/* URLFETCH's parameters (RFC 5524); none: the content alone. */
enum {
	URL_BODY = 1,
	URL_BINARY = 2,
	URL_STRUCTURE = 4,
};
struct url_request {
	struct span url, mechanism; /* mechanism: of GENURLAUTH */
	unsigned what;
};

/* What SETACL does with its rights (RFC 4314 3.1). */
enum imap_grant_how { GRANT_REPLACE,
		      GRANT_ADD,
		      GRANT_TAKE };

/* An entry of METADATA (RFC 5464). */
struct metadata_entry {
	bool is_private;     /* "/private" stood before it, else "/shared" */
	struct span written; /* with that */
	struct span entry;   /* behind that, in lower case; empty: that alone */
	struct span value;   /* of SETMETADATA; ptr null: it is removed */
};
enum metadata_depth { METADATA_ITSELF,
		      METADATA_ONE_BELOW,
		      METADATA_ALL_BELOW };

union imap_args {
	struct {
		struct span login, password;
	} login;
	struct {
		struct span mechanism, initial;
		bool has_initial;
	} authenticate;
	struct {
		struct span name;
	} mailbox; /* DELETE, SUBSCRIBE, UNSUBSCRIBE, GETQUOTAROOT */
	struct {
		struct span name;
		bool condstore, qresync;
		uint32_t uid_validity; /* of QRESYNC, as all that follows */
		uint64_t modseq;
		struct imap_set known;                       /* count 0: all */
		struct imap_set match_sequences, match_uids; /* count 0: not given */
	} select;                                            /* SELECT, EXAMINE */
	struct {
		struct span name;
		enum special_use use;
		bool impossible; /* of USE: more than one, or one that is unknown here */
	} create;
	struct {
		unsigned bits; /* of enum imap_enabled */
	} enable;
	struct {
		struct span name, identifier;
		enum imap_grant_how how;
		unsigned rights;
	} acl; /* SETACL, DELETEACL, LISTRIGHTS; GETACL and MYRIGHTS are of `mailbox` */
	struct {
		struct span from, to;
	} rename;
	struct {
		struct span root;
		bool has_storage, has_message; /* given; else there is to be no such limit */
		bool unknown;                  /* a resource that is not of this server */
		uint64_t storage, message;     /* in 1,024 bytes; messages */
	} quota;                               /* SETQUOTA */
	struct {
		struct span name; /* empty: of the account and the server */
		struct metadata_entry *entries;
		size_t count;
		enum metadata_depth depth;
		bool has_max;
		uint64_t max_size;
	} metadata; /* GETMETADATA, SETMETADATA */
	struct {
		struct span reference, *patterns;
		size_t count;
		bool extended; /* of RFC 5258: tells what is asked for and no more */
		unsigned select, show;
		unsigned status;                 /* RETURN (STATUS (...)) (RFC 5819); 0: not asked for */
		bool rights;                     /* RETURN (MYRIGHTS) (RFC 8440) */
		struct metadata_entry *metadata; /* RETURN (METADATA (...)) (RFC 9590) */
		size_t metadata_count;
	} list; /* LIST, LSUB */
	struct {
		struct span name;
		unsigned items;
	} status;
	struct {
		struct span name;
		uint32_t number; /* of REPLACE: sequence number or UID; 0: "*" */
	} append;                /* the rest is read by append_walk.c */
	struct {
		struct search_tree tree;
		struct search_return wants;
		struct sort_program sort;        /* of SORT */
		enum thread_algorithm algorithm; /* of THREAD */
		struct mailbox_filter *sources;  /* of ESEARCH (RFC 7377) */
		size_t source_count;
	} search;
	struct {
		struct imap_set set;
		struct fetch_item *items;
		size_t count;
		bool has_since, vanished;
		uint64_t since; /* CHANGEDSINCE */
		struct imap_partial partial;
	} fetch;
	struct {
		struct imap_set set;
		bool has_since;
		uint64_t since; /* UNCHANGEDSINCE */
		enum flag_change how;
		bool silent;
		struct imap_flags flags;
	} store;
	struct {
		struct imap_set set;
		struct span name;
	} copy;
	struct {
		struct imap_set set;
	} expunge; /* UID EXPUNGE */
	struct {
		struct url_request *list;
		size_t count;
	} urls; /* GENURLAUTH, URLFETCH */
	struct {
		struct span name;
		bool all;     /* no name is given */
		bool unknown; /* a mechanism that is not served here */
	} resetkey;
	struct {
		bool none, status;
		bool unserved; /* an event that isn't told here */
		bool too_much;
		struct notify_group *groups;
		size_t count;
		struct span text; /* all of them, as written */
	} notify;
	struct {
		struct span *tags;
		size_t count;
	} cancel; /* CANCELUPDATE */
	struct {
		uint32_t size;
		uint32_t first, last; /* batches, from 1; 0: all */
	} batches;                    /* UIDBATCHES */
};

#endif
