/* base/counter.h: process-wide counters, relaxed atomics; /status and /metrics read them.
 *
 * A counter is a family and, where it has any, one combination of its labels: closed lists, so that nothing from outside becomes a label.
 */
#ifndef POSTROOM_BASE_COUNTER_H
#define POSTROOM_BASE_COUNTER_H

#include <stdint.h>

/* name in /status, family (postroom_..._total), labels; a family stands together. */
/* clang-format off */
#define COUNTERS(X) \
	X(SMTP_CONNECTIONS, "smtp_connections", "smtp_connections", "") \
	X(SMTP_RECEIVED, "smtp_received", "smtp_received", "") /* acknowledged on mx */ \
	X(SMTP_SUBMITTED, "smtp_submitted", "smtp_submitted", "") /* acknowledged on submission, submit.sock and the API */ \
	X(DELIVERED_LOCAL, "delivered_local", "smtp_delivered", "reason=\"mailbox\"") /* message-recipients filed */ \
	X(RELAYED, "relayed", "smtp_delivered", "reason=\"remote\"") \
	X(DEFERRED_REMOTE, "deferred_remote", "smtp_deferred", "reason=\"remote\"") /* the remote's words */ \
	X(DEFERRED_UNREACHABLE, "deferred_unreachable", "smtp_deferred", "reason=\"unreachable\"") /* ours: no address, no connection, no TLS */ \
	X(DEFERRED_MAILBOX, "deferred_mailbox", "smtp_deferred", "reason=\"mailbox\"") \
	X(BOUNCED_REMOTE, "bounced_remote", "smtp_bounced", "reason=\"remote\"") \
	X(BOUNCED_EXPIRED, "bounced_expired", "smtp_bounced", "reason=\"expired\"") \
	X(BOUNCED_UNROUTABLE, "bounced_unroutable", "smtp_bounced", "reason=\"unroutable\"") /* nobody there, a loop, no such domain */ \
	X(REJECTED_PROTOCOL, "rejected_protocol", "smtp_rejected", "reason=\"protocol\"") \
	X(REJECTED_RECIPIENT, "rejected_recipient", "smtp_rejected", "reason=\"unknown_recipient\"") \
	X(REJECTED_SUSPENDED, "rejected_suspended", "smtp_rejected", "reason=\"suspended_recipient\"") \
	X(REJECTED_RELAY, "rejected_relay", "smtp_rejected", "reason=\"relay_denied\"") \
	X(REJECTED_SENDER, "rejected_sender", "smtp_rejected", "reason=\"sender\"") \
	X(REJECTED_SIZE, "rejected_size", "smtp_rejected", "reason=\"too_large\"") \
	X(REJECTED_CONTENT, "rejected_content", "smtp_rejected", "reason=\"content\"") \
	X(REJECTED_LOOP, "rejected_loop", "smtp_rejected", "reason=\"loop\"") \
	X(REJECTED_LOGIN, "rejected_login", "smtp_rejected", "reason=\"login\"") \
	X(REJECTED_TEMPORARY, "rejected_temporary", "smtp_rejected", "reason=\"temporary\"") \
	X(RELAY_CONNECTIONS, "relay_connections", "relay_connections", "") /* made to other servers */ \
	X(RELAY_REUSED, "relay_reused", "relay_reused", "") /* a kept one taken instead */ \
	X(RELAY_INJECTED, "relay_injected", "relay_injected", "") /* plain text behind the answer to STARTTLS */ \
	X(IMAP_CONNECTIONS, "imap_connections", "imap_connections", "") \
	X(POP3_CONNECTIONS, "pop3_connections", "pop3_connections", "") \
	COUNTERS_AUTH(X, IMAP, imap) \
	COUNTERS_AUTH(X, POP3, pop3) \
	COUNTERS_AUTH(X, SMTP, smtp) \
	COUNTERS_AUTH(X, WEB, web) \
	X(TLS_IN_12, "tls_in_12", "tls_sessions", "direction=\"in\",version=\"TLSv1.2\"") \
	X(TLS_IN_13, "tls_in_13", "tls_sessions", "direction=\"in\",version=\"TLSv1.3\"") \
	X(TLS_OUT_12, "tls_out_12", "tls_sessions", "direction=\"out\",version=\"TLSv1.2\"") \
	X(TLS_OUT_13, "tls_out_13", "tls_sessions", "direction=\"out\",version=\"TLSv1.3\"") \
	X(WEBHOOK_DELIVERED, "webhook_delivered", "webhook_deliveries", "result=\"delivered\"") \
	X(WEBHOOK_FAILED, "webhook_failed", "webhook_deliveries", "result=\"failed\"") \
	X(WEBHOOK_GIVEN_UP, "webhook_given_up", "webhook_deliveries", "result=\"given_up\"") \
	X(ACCOUNTS_CHECKED, "accounts_checked", "accounts_checked", "") /* for consistency */ \
	X(FAULTS_FOUND, "faults_found", "account_faults", "result=\"found\"") \
	X(FAULTS_REPAIRED, "faults_repaired", "account_faults", "result=\"repaired\"") \
	X(BUGS, "bugs", "bugs", "") /* broken invariants of sessions */
#define COUNTERS_AUTH(X, P, p) \
	X(AUTH_##P##_OK, "auth_" #p "_ok", "auth_attempts", "protocol=\"" #p "\",result=\"ok\"") \
	X(AUTH_##P##_WRONG, "auth_" #p "_wrong", "auth_attempts", "protocol=\"" #p "\",result=\"wrong\"") \
	X(AUTH_##P##_SUSPENDED, "auth_" #p "_suspended", "auth_attempts", "protocol=\"" #p "\",result=\"suspended\"") \
	X(AUTH_##P##_OFF, "auth_" #p "_off", "auth_attempts", "protocol=\"" #p "\",result=\"protocol_off\"") \
	X(AUTH_##P##_REFUSED, "auth_" #p "_refused", "auth_attempts", "protocol=\"" #p "\",result=\"refused\"") \
	X(AUTH_##P##_APP, "auth_" #p "_app", "auth_attempts", "protocol=\"" #p "\",result=\"app_password_wanted\"") \
	X(AUTH_##P##_BUSY, "auth_" #p "_busy", "auth_attempts", "protocol=\"" #p "\",result=\"busy\"")
/* clang-format on */

#define COUNTER_CONSTANT(constant, name, family, labels) COUNTER_##constant,
enum counter { COUNTERS(COUNTER_CONSTANT) COUNTER_COUNT };
#undef COUNTER_CONSTANT

/* In the order of the auth rows above. */
enum counter_result { COUNT_OK,
		      COUNT_WRONG,
		      COUNT_SUSPENDED,
		      COUNT_OFF,
		      COUNT_REFUSED,
		      COUNT_APP_PASSWORD,
		      COUNT_BUSY };
enum counter_protocol { COUNT_IMAP,
			COUNT_POP3,
			COUNT_SMTP,
			COUNT_WEB };

struct counter_words {
	const char *name, *family, *labels;
};

void counter_add(enum counter which, uint64_t amount);
void counter_auth(enum counter_protocol protocol, enum counter_result result);
/* `version` as OpenSSL names it. */
void counter_tls(int outgoing, const char *version);
uint64_t counter_get(enum counter which);
struct counter_words counter_words(enum counter which);

#endif
