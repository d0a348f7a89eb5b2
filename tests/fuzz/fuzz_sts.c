/* MTA-STS: TXT records and policies of strangers. What is taken is of the shape that the rest relies on, and reads the same when it is written again. */
#include <stdlib.h>

#include "daemon/relay/sts_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(struct span in)
{
	struct span id;

	if (sts_parse_record(in, &id) != ERR_OK)
		return;
	if (id.len == 0 || id.len > STS_ID_MAX)
		abort();
	for (size_t i = 0; i < id.len; i++)
		if (!ascii_is_alpha(id.ptr[i]) && !ascii_is_digit(id.ptr[i]))
			abort();
}

static void check_pattern(struct span pattern, const struct sts_parsed *p)
{
	struct buf host;

	if (pattern.len == 0 || memchr(pattern.ptr, '*', pattern.len) > (const void *)pattern.ptr)
		abort();
	buf_init(&host, 1024);
	if (pattern.ptr[0] == '*')
		buf_add_char(&host, 'x');
	buf_add(&host, pattern.ptr[0] == '*' ? span_skip(pattern, 1) : pattern);
	if (!sts_matches(buf_span(&p->mx), buf_span(&host)))
		abort();
	buf_clear(&host);
}

static void check_again(const struct sts_parsed *p)
{
	static const char *const modes[] = { [STS_NONE] = "none", [STS_TESTING] = "testing", [STS_ENFORCE] = "enforce" };
	struct span rest = buf_span(&p->mx), pattern;
	struct sts_parsed again;
	struct buf text;

	buf_init(&text, 2 * STS_POLICY_MAX);
	buf_addf(&text, "version: STSv1\nmode: %s\nmax_age: %lld\n", modes[p->mode], (long long)p->max_age_s);
	while (p->mx.len > 0 && span_split(&rest, '\n', &pattern)) {
		check_pattern(pattern, p);
		buf_addf(&text, "mx: %.*s\r\n", (int)pattern.len, pattern.ptr);
	}
	if (sts_parse_policy(buf_span(&text), &again, NULL) != ERR_OK || again.mode != p->mode || again.max_age_s != p->max_age_s || !span_equals(buf_span(&again.mx), buf_span(&p->mx)))
		abort();
	buf_clear(&again.mx);
	buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct sts_parsed p;
	struct note why;

	check_record(in);
	if (sts_parse_policy(in, &p, &why) == ERR_OK) {
		if (p.max_age_s < 0 || p.max_age_s > STS_MAX_AGE_MAX_S || p.mx.len > STS_PATTERNS_BYTES || (p.mode != STS_NONE && p.mx.len == 0))
			abort();
		check_again(&p);
	}
	(void)sts_matches(in, in);
	buf_clear(&p.mx);
	return 0;
}
