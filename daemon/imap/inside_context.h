/* imap/inside_context.h: what a session keeps of its contexts. Internal to the context files. */
#ifndef POSTROOM_IMAP_INSIDE_CONTEXT_H
#define POSTROOM_IMAP_INSIDE_CONTEXT_H

#include "daemon/imap/fetch_news.h"
#include "daemon/imap/search.h"
#include "daemon/imap/uid_ranges.h"

struct imap_context {
	struct imap_context *next;
	char tag[IMAP_TAG_MAX + 1];
	bool by_uid;
	bool by_flags; /* a change of flags may change the answer; else only new messages are looked at */
	bool over;     /* no memory or no room: to be told, and dropped */
	struct arena arena;
	struct fetch_item *items; /* wanted of messages that come to it (RFC 5465 7) */
	size_t item_count;
	struct span mailbox; /* its name, where notices have to say it (RFC 7377 2.1); ptr null: nowhere */
	uint32_t uid_validity;
	struct search_tree tree;
	struct search_needs needs;
	struct sort_program sort;     /* count 0: in the mailbox's order */
	struct uid_ranges members;    /* UIDs between two of a range may belong to no message */
	uint32_t *order;              /* of SORT: the members in its order */
	size_t count, room;           /* of `order` */
	struct uid_ranges out, in;    /* found by this sync and not told yet */
	size_t out_behind;            /* of SORT: up to where in `order` the leaving are told; from the end */
	uint64_t out_from, in_from;   /* the next UID to be told */
	bool is_leaving, is_arriving; /* the telling is begun */
};

enum context_stage {
	CONTEXT_REST,
	CONTEXT_LEAVE, /* what vanished is told */
	CONTEXT_LOOK,  /* at what changed */
	CONTEXT_FETCH, /* what is wanted of new messages */
	CONTEXT_TELL,
};

struct imap_contexts {
	struct imap_context *first;
	unsigned count;
	enum context_stage stage;
	struct imap_context *at; /* whose notices are being told */
	struct uid_ranges todo;  /* messages to be looked at: new, or changed */
	uint32_t known_uid;      /* those above are new */
	uint32_t after_uid;      /* of LOOK */
	uint32_t new_from;       /* of FETCH: those before it only changed */
	struct fetch_news news;
	size_t *vanished_before; /* of LEAVE: for each range of run.changes.vanished, how many UIDs stand before; in run.arena */
};

#endif
