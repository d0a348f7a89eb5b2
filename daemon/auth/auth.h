/* auth/auth.h: who are you. Password hashes on two threads behind a bounded queue; nobody else waits for them. */
#ifndef POSTROOM_AUTH_AUTH_H
#define POSTROOM_AUTH_AUTH_H

#include "daemon/base/buf.h"
#include "daemon/net/addr.h"

struct db;
struct directory;
struct events;
struct auth;

#define AUTH_PASSWORD_MIN 8    /* characters */
#define AUTH_PASSWORD_MAX 1024 /* bytes */
#define AUTH_HASH_THREADS 2
#define AUTH_QUEUE_MAX 64

struct auth_config {
	struct directory *directory;
	const struct net_cidr *trusted; /* free of the delays */
	size_t trusted_count;
	struct events *events; /* may be null */
};
enum err auth_new(const struct auth_config *config, struct auth **out) MUST_CHECK;
void auth_free(struct auth **a); /* open questions are answered AUTH_BUSY */

/* Where somebody logs in; bits. */
enum auth_protocol { AUTH_IMAP = 1,
		     AUTH_POP3 = 2,
		     AUTH_SMTP = 4,
		     AUTH_WEB = 8 };
#define AUTH_EVERYWHERE ((unsigned)(AUTH_IMAP | AUTH_POP3 | AUTH_SMTP | AUTH_WEB))

enum auth_verdict {
	AUTH_OK,
	AUTH_WRONG,              /* also an unknown user: the same time, the same words */
	AUTH_SUSPENDED,          /* right password, account suspended */
	AUTH_PROTOCOL_OFF,       /* right password, this protocol is switched off for the account */
	AUTH_BUSY,               /* queue full: a temporary failure */
	AUTH_REFUSED,            /* too many failures of the account or the network: not looked at; retry_after_ms */
	AUTH_WANTS_APP_PASSWORD, /* right main password, but a second factor is on: it opens no mail protocol */
};
struct auth_result {
	enum auth_verdict verdict;
	uint64_t account_id;
	uint64_t credential;    /* of OK: names the stored secret that was proven, for auth_still_holds(); good while this process lives */
	int64_t delay_ms;       /* answer the peer only after this long; 0 for trusted networks */
	int64_t retry_after_ms; /* of REFUSED */
	bool second_factor;     /* of OK on AUTH_WEB: TOTP or a passkey is on and still to be shown */
};

/* The main password, or (mail protocols) an app password that takes the protocol and comes from its networks.
 * A password once proven is remembered in memory as a keyed hash, so that the slow one runs once; a change of the stored hash ends that.
 * An imported hash is replaced by ours once it was proven, and SCRAM keys are made. done() runs on a hash thread, or at once in the
 * caller's when the answer is known. It must not block. */
void auth_check_password(struct auth *a, enum auth_protocol protocol, struct span login, struct span password, const struct net_addr *peer,
			 void (*done)(void *arg, const struct auth_result *result), void *arg);

/* Is the account there, not suspended, the protocol not switched off for it, and its stored secret the one that was proven? From memory; of an account that was not asked for among thousands
 * of others from the local disk. */
bool auth_still_holds(struct auth *a, enum auth_protocol protocol, uint64_t account_id, uint64_t credential);

/* Sets an account's main password: hash and SCRAM keys in one change (part of the open batch, if there is one). Blocking (60 ms). The
 * caller ends the account's sessions. ERR_LIMIT: length (SETTING_PASSWORD_LENGTH_MIN, AUTH_PASSWORD_MAX). */
enum err auth_set_password(struct auth *a, uint64_t account_id, struct span password, struct note *why) MUST_CHECK;
/* Takes over a hash in auth_import_hash()'s form; SCRAM opens nothing until the password was proven once. Part of the open batch. */
enum err auth_set_imported_hash(struct auth *a, uint64_t account_id, struct span stored, struct note *why) MUST_CHECK;
/* Forgets what is cached of an account: after changes that other rooms made. 0: of all (SIGHUP). */
void auth_forget(struct auth *a, uint64_t account_id);
/* Once a minute, from the main thread: writes last uses, known devices and session times that are only in memory; removes what has run out. */
void auth_tend(struct auth *a);

/* A hash to import: crypt(5) ($y$, $5$, $6$, $2a$ $2b$ $2y$), $argon2id$, or Dovecot's {SCHEME} forms of these and {PLAIN}, {SHA}, {SSHA}, {SHA256}, {SSHA256},
 * {SHA512}, {SSHA512} (with .HEX, .B64). Writes the form in which it is stored. ERR_SYNTAX: not one of them (why says what is taken). */
enum err auth_import_hash(struct span given, struct buf *out, struct note *why) MUST_CHECK;

/* argon2id, 19 MiB, t=2, encoded form, of what RFC 4013 makes of the password. Blocking (50 ms). ERR_LIMIT: shorter than AUTH_PASSWORD_MIN or longer than AUTH_PASSWORD_MAX. */
enum err auth_hash_password(struct span password, struct buf *out) MUST_CHECK;

/* SASL PLAIN (RFC 4616) message: [authzid] NUL authcid NUL passwd. ERR_SYNTAX; an authzid other than empty or authcid is ERR_DENIED. */
enum err auth_sasl_plain(struct span message, struct span *login_out, struct span *password_out) MUST_CHECK;

#endif
