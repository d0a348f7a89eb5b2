/* mime/address.h: addresses: the mailbox of an envelope (RFC 5321 4.1.2, RFC 6531 3.3) and the lists in header fields (RFC 5322 3.4). */
#ifndef POSTROOM_MIME_ADDRESS_H
#define POSTROOM_MIME_ADDRESS_H

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"

#define ADDRESS_LOCAL_MAX 64 /* RFC 5321 4.5.3.1.1 */
#define ADDRESS_DOMAIN_MAX 255
#define ADDRESS_MAX 320

/* A mailbox as a value: the local part unquoted (its meaning, not its spelling), the domain as A-labels in lower case, or an address literal with brackets. */
struct address {
	struct span local;
	struct span domain; /* empty for the null path and for bare <postmaster> */
};

/* Reverse-path or forward-path from '<' on; a source route (@a,@b:) is dropped. "<>" gives an empty address; "<postmaster>" (any case) an empty domain.
 * *used_out: bytes up to behind '>'. `utf8`: SMTPUTF8 was asked for; without it 8-bit is ERR_SYNTAX. Results in the arena. ERR_LIMIT for too long parts. */
enum err address_parse_path(struct span in, bool utf8, struct arena *a, struct address *out, size_t *used_out) MUST_CHECK;

/* "user@domain" without brackets: of a configuration, a login, an alias. UTF-8 allowed; the domain is normalised. */
enum err address_parse(struct span in, struct arena *a, struct address *out) MUST_CHECK;

/* A domain name: LDH labels or U-labels, to lower-case A-labels (IDNA 2008, libidn2). ERR_SYNTAX; ERR_LIMIT past ADDRESS_DOMAIN_MAX. No dot at the end. */
enum err address_domain_normal(struct span in, struct arena *a, struct span *out) MUST_CHECK;

/* "local@domain", the local part quoted where its grammar asks for it; "" for the null path. */
void address_write(const struct address *addr, struct buf *out);

/* Header lists: mailboxes and groups. */
struct header_address {
	struct span name;          /* display name or comment, raw (quotes removed, encoded words not decoded); empty: none */
	struct span route;         /* obsolete source route, for ENVELOPE's adl */
	struct span local, domain; /* both empty and `group_start`: begins a group called `name`; both empty and `group_end`: ends it */
	bool group_start, group_end;
};

#define ADDRESS_LIST_MAX 10000 /* entries read from one field; the rest is ignored */

/* Lenient: what can't be read is skipped to the next comma. The array is in the arena. */
enum err address_list_parse(struct span unfolded, struct arena *a, struct header_address **out, size_t *count_out) MUST_CHECK;
/* ERR_SYNTAX when something would be skipped: for deciding who a message is from, where another reader may see what we passed over. */
enum err address_list_parse_strict(struct span unfolded, struct arena *a, struct header_address **out, size_t *count_out) MUST_CHECK;

#endif
