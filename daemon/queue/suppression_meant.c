/* queue/suppression_meant.c: which failures speak of an address, and which of the message, of us, or of a rule. */
#include "daemon/queue/suppression_meant.h"

static bool is_one_of(struct span status, const struct span *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_equals(status, list[i]))
			return true;
	return false;
}

static bool has_word(struct span text, struct span word)
{
	for (size_t at = 0; at + word.len <= text.len; at++)
		if (span_iequals(span_make(text.ptr + at, word.len), word))
			return true;
	return false;
}

/* "550" without an enhanced code is said of unknown users, and of everything else that a server dislikes. */
static bool speaks_of_a_rule(struct span reply)
{
	static const struct span words[] = { SPAN("spam"), SPAN("block"), SPAN("black"), SPAN("polic"), SPAN("spf"), SPAN("dkim"), SPAN("dmarc"), SPAN("relay"), SPAN("denied"), SPAN("reject"), SPAN("reputation"), SPAN("listed"), SPAN("rbl"), SPAN("sender"), SPAN("helo"), SPAN("authent"), SPAN("limit"), SPAN("ptr"), SPAN("reverse") };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (has_word(reply, words[i]))
			return true;
	return false;
}

bool suppression_is_meant(struct span status, struct span reply, bool remote, bool at_rcpt)
{
	/* RFC 3463 3.2, 3.3, and RFC 7505 section 4 for 5.1.10. */
	static const struct span of_address[] = { SPAN("5.1.1"), SPAN("5.1.3"), SPAN("5.1.6"), SPAN("5.2.1") }, of_domain[] = { SPAN("5.1.2"), SPAN("5.1.10") };

	if (is_one_of(status, of_domain, sizeof(of_domain) / sizeof(of_domain[0])))
		return true;
	if (!remote)
		return false;
	if (is_one_of(status, of_address, sizeof(of_address) / sizeof(of_address[0])))
		return true;
	return at_rcpt && span_equals(status, SPAN("5.0.0")) && (span_starts(reply, SPAN("550")) || span_starts(reply, SPAN("551")) || span_starts(reply, SPAN("553"))) && !speaks_of_a_rule(reply);
}
