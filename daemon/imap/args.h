/* imap/args.h: the typed arguments of commands: what parsers make and runners take. Spans live as long as the command. */
#ifndef POSTROOM_IMAP_ARGS_H
#define POSTROOM_IMAP_ARGS_H

#include "daemon/store/view.h"

/* A sequence-set as written; 0 stands for "*". */
struct imap_range {
	uint32_t first, last;
};
struct imap_set {
	struct imap_range *ranges;
	size_t count;
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
	uint32_t offset, length; /* of partial */
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
	SEARCH_LARGER,
	SEARCH_SMALLER,
	SEARCH_BEFORE,
	SEARCH_ON,
	SEARCH_SINCE,
	SEARCH_SENT_BEFORE,
	SEARCH_SENT_ON,
	SEARCH_SENT_SINCE,
	SEARCH_HEADER,
	SEARCH_BODY,
	SEARCH_TEXT,
};
struct search_node {
	enum search_op op;
	uint32_t first_child, next; /* indexes; 0: none (the root, node 0, is nobody's child) */
	uint64_t flags;             /* FLAGGED, UNFLAGGED; the keyword's bit once known */
	uint64_t number;            /* LARGER, SMALLER */
	int64_t day;
	struct span name; /* header field, keyword */
	struct span key;  /* as written; then in UTF-8 and case-mapped */
	struct imap_set set;
	struct uid_set uids; /* the set once resolved */
};
struct search_tree {
	struct span charset; /* empty: none given */
	struct search_node *nodes;
	size_t count;
};

enum {
	STATUS_MESSAGES = 1,
	STATUS_RECENT = 2,
	STATUS_UIDNEXT = 4,
	STATUS_UIDVALIDITY = 8,
	STATUS_UNSEEN = 16,
	STATUS_SIZE = 32,
};

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
	} mailbox; /* SELECT, EXAMINE, CREATE, DELETE, SUBSCRIBE, UNSUBSCRIBE */
	struct {
		struct span from, to;
	} rename;
	struct {
		struct span reference, pattern;
		bool only_subscribed, only_special; /* selection options */
		bool return_subscribed;
	} list;
	struct {
		struct span name;
		unsigned items;
	} status;
	struct {
		struct span name;
		struct imap_flags flags;
		bool has_date;
		int64_t date_ms;
		int date_offset_minutes;
	} append;
	struct search_tree search;
	struct {
		struct imap_set set;
		struct fetch_item *items;
		size_t count;
	} fetch;
	struct {
		struct imap_set set;
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
};

#endif
