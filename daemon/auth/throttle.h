/* auth/throttle.h: wrong proofs counted, one table for all protocols; for files of auth/ only. The caller locks.
 *
 * Four things are counted, each forgotten one in THROTTLE_FORGET_MS: the network of the peer, narrow (IPv4 /32, IPv6 /64) and wide (/24, /48); the
 * account that was tried (a name that is none of ours alike, so that nothing shows who exists); and the pair of the account and the wide network.
 * The more failures the longer the answer is held back; at SETTING_LOGIN_FAILURES_MAX (wide networks: THROTTLE_WIDE times that) the subject is
 * refused for SETTING_LOGIN_REFUSAL_MINUTES: nothing is looked at. Asking meanwhile does not lengthen that; what is left of the count when it
 * ends makes the next one come sooner.
 *
 * Who is hit, and what an attacker can do with it:
 * (1) A known device (a network from which the account logged in lately) is refused only for its own pair. So neither an attack on an account, from
 *     wherever, nor one bad device behind the office's address locks out those who work there; and whoever shares their network has the
 *     guesses of a pair, not more.
 * (2) One wide network counts for an account at most half of the limit: a single one cannot lock out strangers of the account.
 *     With (1), locking out even one person who travels takes as many guesses as the limit, from two wide networks, each of which has an allowance
 *     for a few accounts only before it is refused itself. Failures from known devices do not count for the account.
 * (3) The same wrong password again from the same network is no new guess: a phone with an old password is delayed, but never counted up to a refusal.
 * (4) Trusted networks (a proxy or webmail that speaks for many) are not refused, and delayed only where an answer costs no hash (0.1 s); their wrong
 *     guesses count for the pair of the account and "trusted", with THROTTLE_TRUSTED times the limit: they bound guessing, and locking out everybody by way of the proxy takes ten times as long.
 * (5) What cannot be guessed is not refused: a right app password, token, session or passkey opens whatever is counted.
 * (6) A login that succeeds takes nothing off the counts: else the phone of a person would give new guesses to who sits beside it.
 * (7) The tables are fixed, one a kind: names that are none of ours push out only such names. In a full row the one with the fewest
 *     failures makes room, refused ones last; rows are chosen by a secret.
 */
#ifndef POSTROOM_AUTH_THROTTLE_H
#define POSTROOM_AUTH_THROTTLE_H

#include "daemon/base/buf.h"
#include "daemon/net/addr.h"

#define THROTTLE_ROWS 1024
#define THROTTLE_WAYS 4
#define THROTTLE_DELAY_MAX_MS 5000
#define THROTTLE_FORGET_MS (5 * 60 * 1000)
#define THROTTLE_WIDE 8
#define THROTTLE_TRUSTED 10
#define THROTTLE_TRIED 2 /* wrong ones that are remembered of a subject */
#define THROTTLE_SUBJECT_TEXT 128

enum throttle_kind { THROTTLE_NOBODY,
		     THROTTLE_NARROW,
		     THROTTLE_WIDER,
		     THROTTLE_ACCOUNT,
		     THROTTLE_NAME,
		     THROTTLE_PAIR,
		     THROTTLE_KINDS };

struct throttle_subject {
	enum throttle_kind kind;
	enum net_family family; /* of networks and pairs; NET_NONE in a pair: trusted */
	uint64_t who;           /* account, or a keyed hash of a name */
	uint64_t network;       /* its first 64 bits (IPv4: 32), with zeros behind the prefix */
	bool named;             /* `who` of a pair is a name */
};

struct throttle_row {
	struct throttle_subject subject; /* NOBODY: free */
	int64_t since_ms;                /* monotonic: when `failures` was right */
	unsigned failures;
	int64_t until_ms; /* monotonic; 0: not refused */
	uint64_t tried[THROTTLE_TRIED];
};

struct throttle {
	uint8_t key[32]; /* so that nobody outside can choose a row */
	struct throttle_row rows[THROTTLE_KINDS][THROTTLE_ROWS][THROTTLE_WAYS];
};

void throttle_init(struct throttle *t); /* of zeroed memory: what is not used is not touched */

struct throttle_subject throttle_account(uint64_t account_id);
/* Compared without case. */
struct throttle_subject throttle_name(const struct throttle *t, struct span name);
struct throttle_subject throttle_narrow(const struct net_addr *peer);
struct throttle_subject throttle_wide(const struct net_addr *peer);
/* A null peer: trusted. */
struct throttle_subject throttle_pair(const struct throttle_subject *who, const struct net_addr *peer);
/* Never 0: of no other subject, unless by chance. */
uint64_t throttle_number(const struct throttle *t, const struct throttle_subject *s);

/* "account:17", "network:192.0.2.0/24", "account:17@192.0.2.0/24", "account:17@trusted"; empty: of a name. */
void throttle_subject_text(const struct throttle_subject *s, char out[THROTTLE_SUBJECT_TEXT]);
enum err throttle_subject_parse(struct span text, struct throttle_subject *out) MUST_CHECK;
/* Of networks and pairs: "192.0.2.0/24". */
void throttle_network_text(const struct throttle_subject *s, char out[NET_ADDR_TEXT]);

/* How many failures count now. */
unsigned throttle_failures(const struct throttle *t, const struct throttle_subject *s, int64_t now_ms);
/* 0: not refused. */
int64_t throttle_refused_until(const struct throttle *t, const struct throttle_subject *s, int64_t now_ms);
bool throttle_has_tried(const struct throttle *t, const struct throttle_subject *s, uint64_t tried);
/* `tried`: 0: not to be remembered. True: refused from now on, for `refusal_ms`. */
bool throttle_add(struct throttle *t, const struct throttle_subject *s, uint64_t tried, unsigned limit, int64_t refusal_ms, int64_t now_ms);
/* False: was not there. */
bool throttle_clear(struct throttle *t, const struct throttle_subject *s);
/* Of a refusal that outlived a restart. */
void throttle_restore(struct throttle *t, const struct throttle_subject *s, unsigned failures, int64_t until_ms, int64_t now_ms);
/* 250 ms for the first, doubled for each more, up to THROTTLE_DELAY_MAX_MS. */
int64_t throttle_delay_ms(unsigned failures);

#endif
