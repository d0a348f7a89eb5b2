/* unit/relay/fake_dns.c: see fake_dns.h. Defines what relay needs of net/resolver.c, so that file is not linked. */
#include "tests/unit/relay/fake_dns.h"

#include <stdlib.h>

#include "daemon/base/buf.h"
#include "daemon/base/encode.h"

#define ZONE_MAX 2048

static struct {
	const char *name, *value;
	enum dns_type type;
} zone[ZONE_MAX];
static const char *signed_names[64];
static size_t zone_count, signed_count;
static _Atomic unsigned asked;

void fake_dns_clear(void)
{
	zone_count = signed_count = 0;
	asked = 0;
}

void fake_dns_add(const char *name, enum dns_type type, const char *value)
{
	zone[zone_count].name = name;
	zone[zone_count].type = type;
	zone[zone_count++].value = value;
}

void fake_dns_sign(const char *name)
{
	signed_names[signed_count++] = name;
}

unsigned fake_dns_asked(void)
{
	return asked;
}

static bool is_signed(const char *name)
{
	for (size_t i = 0; i < signed_count; i++)
		if (span_iequals(span_str(signed_names[i]), span_str(name)))
			return true;
	return false;
}

static const char *alias_of(const char *name)
{
	for (size_t i = 0; i < zone_count; i++)
		if (zone[i].type == DNS_CNAME && span_iequals(span_str(zone[i].name), span_str(name)))
			return zone[i].value;
	return NULL;
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

static void add_number(struct buf *out, struct span *rest, unsigned bytes)
{
	struct span word;
	uint64_t number = 0;

	if (!span_split(rest, ' ', &word) || span_to_u64(word, 65535, &number) != ERR_OK)
		abort();
	if (bytes == 2)
		buf_add_char(out, (char)(number >> 8));
	buf_add_char(out, (char)(number & 255));
}

static struct span make_record(enum dns_type type, struct span value)
{
	struct buf out;
	struct net_addr addr;

	buf_init(&out, 65536);
	switch (type) {
	case DNS_MX:
		add_number(&out, &value, 2);
		add_name(&out, value);
		break;
	case DNS_TLSA:
		for (int i = 0; i < 3; i++)
			add_number(&out, &value, 1);
		if (hex_decode(value, &out) != ERR_OK)
			abort();
		break;
	case DNS_TXT:
		buf_add_char(&out, (char)value.len);
		buf_add(&out, value);
		break;
	case DNS_A:
	case DNS_AAAA:
		if (net_ip_parse(value, &addr) == ERR_OK)
			buf_add(&out, span_make((const char *)addr.ip, type == DNS_A ? 4 : 16));
		break;
	case DNS_CNAME:
	case DNS_PTR: add_name(&out, value); break;
	}
	return buf_span(&out);
}

static void add_found(struct dns_answer *answer, enum dns_type type, const char *text)
{
	struct span value = span_str(text);

	answer->bogus = span_equals(value, SPAN("bogus"));
	if (answer->bogus || span_equals(value, SPAN("temp"))) {
		answer->status = DNS_TEMP_FAILURE;
		return;
	}
	answer->status = DNS_FOUND;
	answer->records[answer->count++] = make_record(type, value);
}

struct dns_answer *resolver_ask_wait(struct resolver *r, const char *name, enum dns_type type, int64_t timeout_ms)
{
	struct dns_answer *answer = calloc(1, sizeof(*answer));
	const char *next;

	(void)r;
	(void)timeout_ms;
	asked++;
	answer->status = DNS_NO_NAME;
	answer->records = calloc(ZONE_MAX, sizeof(*answer->records));
	answer->secure = is_signed(name);
	while (type != DNS_CNAME && (next = alias_of(name))) {
		answer->alias_of = name = next;
		answer->secure = answer->secure && is_signed(name);
	}
	for (size_t i = 0; i < zone_count; i++) {
		if (!span_iequals(span_str(zone[i].name), span_str(name)))
			continue;
		if (answer->status == DNS_NO_NAME)
			answer->status = DNS_NO_DATA;
		if (zone[i].type == type)
			add_found(answer, type, zone[i].value);
	}
	if (answer->status == DNS_TEMP_FAILURE)
		answer->secure = false;
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
