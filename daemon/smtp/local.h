/* smtp/local.h: who hands in mail over submit.sock: what holds for a uid, and how much it may send. */
#ifndef POSTROOM_SMTP_LOCAL_H
#define POSTROOM_SMTP_LOCAL_H

#include "daemon/smtp/session.h"

struct directory;

struct local_rule {
	struct smtp_local holds; /* spans into what follows */
	bool any_sender;         /* root and the service's user: every address of ours */
	char sender[ADDRESS_MAX + 1];
	char origin[ADDRESS_DOMAIN_MAX + 1];
};

/* The row of the uid, the login's name out of passwd(5), the domain of the owner. Local disk only; ERR_TEMP: not to be read now. */
enum err local_rule_read(struct directory *d, uint32_t uid, struct local_rule *out) MUST_CHECK;
bool local_rule_may_send_as(const struct local_rule *r, struct directory *d, const struct address *address);
/* The machine's own name: nobody's mailbox unless it is a domain of ours, and never relayed to. */
bool local_is_hostname(struct directory *d, struct span domain);

/* Messages of each uid: SMTP_LOCAL_BURST at once, then SMTP_LOCAL_PER_MINUTE. */
struct local_rates;
enum err local_rates_new(struct local_rates **out) MUST_CHECK;
void local_rates_free(struct local_rates **r);
bool local_rates_take(struct local_rates *r, uint32_t uid, int64_t now_mono_ms);

#endif
