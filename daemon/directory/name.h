/* directory/name.h: the two forms of a name: what people read and what is compared.
 *
 * A key is "local@domain" with the domain as address_parse() gives it and the local part without case: ASCII in lower
 * case, anything else case-mapped and decomposed. A local part may hold '@', a domain never does.
 */
#ifndef POSTROOM_DIRECTORY_NAME_H
#define POSTROOM_DIRECTORY_NAME_H

#include "daemon/mime/address.h"

/* Case mapping and decomposition can lengthen a local part. */
#define NAME_KEY_MAX 2048

struct name_key {
	size_t len;      /* 0: too long to be a name of ours */
	size_t base_len; /* of the local part before its first '+'; that of the local part when there is none */
	size_t local_len;
	char bytes[NAME_KEY_MAX];
};

void name_key(const struct address *addr, struct name_key *out);
/* Turns the key into that without the subaddress. False: there is none. */
bool name_key_cut(struct name_key *key);

/* The same local part at another domain, which is in its normal form. */
void name_key_move(struct name_key *key, struct span domain);
static inline struct span name_key_domain(const struct name_key *key)
{
	return span_make(key->bytes + key->local_len + 1, key->len - key->local_len - 1);
}

/* What a login is known by, whether there is such an account or not: the key of an address, of anything else the text without ASCII case. All
 * spellings of one name are one: else those of an account would be alike, those of nobody not, and tell which is which. */
void name_key_of_login(struct span login, struct name_key *out);

struct name {
	struct span address; /* as people read it */
	struct span key, base_key;
	struct span domain;
};

/* "user@domain" to both forms, in the arena. `catch_all`: "@domain" too. ERR_SYNTAX, ERR_LIMIT. */
enum err name_parse(struct span text, bool catch_all, struct arena *a, struct name *out, struct note *why) MUST_CHECK;

/* A domain name to its normal form. The same errors. */
enum err name_parse_domain(struct span text, struct arena *a, struct span *out, struct note *why) MUST_CHECK;

#endif
