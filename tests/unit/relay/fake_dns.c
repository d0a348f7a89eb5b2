/* unit/relay/fake_dns.c: see fake_dns.h. Defines what relay needs of net/resolver.c, so that file is not linked. */
#include "tests/unit/relay/fake_dns.h"

#include <stdlib.h>

#include "daemon/base/buf.h"

static struct {
	const char *name, *value;
	enum dns_type type;
} zone[64];
static size_t zone_count;

void fake_dns_clear(void)
{
	zone_count = 0;
}

void fake_dns_add(const char *name, enum dns_type type, const char *value)
{
	zone[zone_count].name = name;
	zone[zone_count].type = type;
	zone[zone_count++].value = value;
}

static void add_name(struct buf *out, struct span name)
{
	struct span label;

	while (name.len > 0 && span_split(&name, '.', &label)) {
		buf_add_char(out, (char)label.len);
		buf_add(out, label);
	}
	buf_add_char(out, '\0');
}

static struct span make_record(enum dns_type type, struct span value)
{
	struct buf out;
	struct net_addr addr;
	struct span preference;
	uint64_t number = 0;

	buf_init(&out, 512);
	if (type == DNS_MX) {
		if (!span_split(&value, ' ', &preference) || span_to_u64(preference, 65535, &number) != ERR_OK)
			abort();
		buf_add_char(&out, (char)(number >> 8));
		buf_add_char(&out, (char)(number & 255));
		add_name(&out, value);
	} else if (net_ip_parse(value, &addr) == ERR_OK) {
		buf_add(&out, span_make((const char *)addr.ip, type == DNS_A ? 4 : 16));
	}
	return buf_span(&out);
}

struct dns_answer *resolver_ask_wait(struct resolver *r, const char *name, enum dns_type type, int64_t timeout_ms)
{
	struct dns_answer *answer = calloc(1, sizeof(*answer));

	(void)r;
	(void)timeout_ms;
	answer->status = DNS_NO_NAME;
	answer->records = calloc(64, sizeof(*answer->records));
	for (size_t i = 0; i < zone_count; i++) {
		struct span value = span_str(zone[i].value);

		if (!span_iequals(span_str(zone[i].name), span_str(name)))
			continue;
		if (answer->status == DNS_NO_NAME)
			answer->status = DNS_NO_DATA;
		if (zone[i].type != type)
			continue;
		if (span_equals(value, SPAN("temp"))) {
			answer->status = DNS_TEMP_FAILURE;
		} else {
			answer->status = DNS_FOUND;
			answer->records[answer->count++] = make_record(type, value);
		}
	}
	return answer;
}

void dns_answer_free(struct dns_answer **answer)
{
	for (size_t i = 0; *answer && i < (*answer)->count; i++)
		free((void *)(*answer)->records[i].ptr);
	if (*answer)
		free((*answer)->records);
	free(*answer);
	*answer = NULL;
}
