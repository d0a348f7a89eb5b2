/* imap/parse.h: the bytes of a command to typed arguments (RFC 3501 section 9). Knows no state.
 *
 * The command lies in one piece, its literals inline as they came: "{5}" CRLF "abcde". Results point into it or into the arena.
 */
#ifndef POSTROOM_IMAP_PARSE_H
#define POSTROOM_IMAP_PARSE_H

#include "daemon/base/arena.h"
#include "daemon/imap/args.h"
#include "daemon/imap/capability.h"

struct imap_parser {
	struct span rest;
	struct arena *arena;
	uint64_t off;     /* capabilities that the account is not offered: their words are not of the grammar */
	unsigned enabled; /* of enum imap_enabled: names come in UTF-8, "*" stands for a UID */
};

/* All give ERR_SYNTAX when the bytes are not of the grammar, ERR_LIMIT past a ceiling. */
bool parse_is_atom_char(char c);
/* Is the capability on offer? */
bool parse_may(const struct imap_parser *p, enum imap_capability cap);
/* Room for one more in an array that grows by doubling; `count` are in use. Null: none. */
void *parse_grow(struct arena *a, void *array, size_t count, size_t size);
bool parse_peek(const struct imap_parser *p, char c);
bool parse_char(struct imap_parser *p, char c); /* takes it when it is there */
enum err parse_expect(struct imap_parser *p, char c) MUST_CHECK;
/* The word (any case) and no atom character behind it. */
bool parse_word(struct imap_parser *p, struct span word);
enum err parse_atom(struct imap_parser *p, struct span *out) MUST_CHECK;
enum err parse_string(struct imap_parser *p, struct span *out) MUST_CHECK; /* quoted or literal */
/* nstring / literal8; ptr null: NIL. */
enum err parse_value(struct imap_parser *p, struct span *out) MUST_CHECK;
enum err parse_astring(struct imap_parser *p, struct span *out) MUST_CHECK;
/* To UTF-8. ERR_DENIED: it reads well and is no name (modified UTF-7 that is none). */
enum err parse_list_mailbox(struct imap_parser *p, struct span *out) MUST_CHECK; /* a pattern */
enum err parse_mailbox(struct imap_parser *p, struct span *out) MUST_CHECK;
enum err parse_number(struct imap_parser *p, uint32_t *out) MUST_CHECK;
enum err parse_number64(struct imap_parser *p, uint64_t *out) MUST_CHECK;
/* Also "$" (RFC 5182). */
enum err parse_set(struct imap_parser *p, struct imap_set *out) MUST_CHECK;
enum err parse_flag_list(struct imap_parser *p, struct imap_flags *out) MUST_CHECK;   /* "(...)" */
enum err parse_flags_plain(struct imap_parser *p, struct imap_flags *out) MUST_CHECK; /* one or more, no parentheses */
enum err parse_date_time(struct imap_parser *p, int64_t *ms_out, int *offset_out) MUST_CHECK;
enum err parse_date(struct imap_parser *p, int64_t *day_out) MUST_CHECK;

#endif
