/* relay/sts_parse.h: the texts of MTA-STS (RFC 8461): the TXT record that says there is a policy, and the policy. */
#ifndef POSTROOM_RELAY_STS_PARSE_H
#define POSTROOM_RELAY_STS_PARSE_H

#include "daemon/base/buf.h"

#define STS_ID_MAX 32
#define STS_POLICY_MAX 65536       /* bytes, of the whole text */
#define STS_PATTERNS_MAX 128       /* mx lines */
#define STS_PATTERNS_BYTES 16384   /* of them together */
#define STS_MAX_AGE_MAX_S 31557600 /* RFC 8461 3.2 */

/* Stored numbers. */
enum sts_mode { STS_NONE = 0,
		STS_TESTING = 1,
		STS_ENFORCE = 2 };

/* A record at _mta-sts.<domain>. ERR_NOT_FOUND: it is about something else; ERR_SYNTAX: not as RFC 8461 3.1 has it. */
enum err sts_parse_record(struct span text, struct span *id_out) MUST_CHECK;

struct sts_parsed {
	enum sts_mode mode;
	int64_t max_age_s;
	struct buf mx; /* patterns, lower case, lines; the caller's */
};
/* Unknown keys are passed over, of a key that stands twice the first counts. ERR_SYNTAX, ERR_LIMIT. out->mx is to be freed in any case. */
enum err sts_parse_policy(struct span text, struct sts_parsed *out, struct note *why) MUST_CHECK;

/* One of the lines names the host; "*." stands for one label (RFC 8461 4.1). */
bool sts_matches(struct span patterns, struct span host);

#endif
