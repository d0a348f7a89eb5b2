/* api/apply.h: sections of a document on their way into the directory; internal to api/. */
#ifndef POSTROOM_API_APPLY_H
#define POSTROOM_API_APPLY_H

#include "api/call.h"

/* One application of a document: inside of a batch. */
struct applying {
	struct api_call *c;
	const struct snapshot *s; /* as it was before */
	bool prune;               /* what a section does not name goes */
	uint64_t created, updated, removed;
	struct applied_end {
		uint64_t account;
		unsigned protocols; /* bits of enum auth_protocol */
	} * ended;                  /* sessions that end */
	size_t ended_count;
	struct span *domains; /* that were made or changed */
	size_t domain_count;
	struct span *released; /* that held mail, and were changed or went */
	size_t released_count;
	bool granted; /* grants were changed */
	struct note why;
	char pointer[160]; /* of what was wrong: "/users/3/address" */
};

/* Each looks at its section of the body, when there is one. ERR_DENIED: not for this caller. */
enum err apply_users(struct applying *a) MUST_CHECK;
enum err apply_aliases(struct applying *a) MUST_CHECK;
enum err apply_relays(struct applying *a) MUST_CHECK;
enum err apply_tls_rules(struct applying *a) MUST_CHECK;
enum err apply_grants(struct applying *a) MUST_CHECK; /* after all others: it may make mailboxes */
enum err apply_settings(struct applying *a) MUST_CHECK;

enum applied { APPLY_CREATED,
	       APPLY_UPDATED,
	       APPLY_REMOVED };
/* One change: counted, audited, part of the plan. JSON is taken; null: none. */
void apply_note(struct applying *a, enum applied what, struct span subject, struct span domain, struct json_t *before, struct json_t *after, int event);
/* The strings of a section's entries under `field` as keys, sorted: which names does it hold? */
struct apply_names {
	struct span *list;
	size_t count;
};
enum err apply_names(struct applying *a, const char *section, const char *field, struct apply_names *out) MUST_CHECK;
bool apply_names_have(const struct apply_names *n, struct span name);

/* A field of an entry. */
struct span apply_text(const struct json_t *entry, const char *field);

#endif
