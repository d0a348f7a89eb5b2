/* webui/browser.c: cookies (RFC 6265 5.4 as browsers send them) and Fetch metadata. */
#include "webui/browser.h"

static bool is_value(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_alpha(s.ptr[i]) && !ascii_is_digit(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '_')
			return false;
	return s.len > 0 && s.len <= BROWSER_COOKIE_MAX;
}

struct span browser_cookie(struct span field)
{
	struct span pair, found = { NULL, 0 };
	unsigned count = 0;

	while (span_split(&field, ';', &pair)) {
		size_t equals;

		pair = span_trim(pair);
		if (!span_find_char(pair, '=', &equals) || !span_equals(span_take(pair, equals), SPAN(BROWSER_COOKIE)))
			continue;
		found = span_make(pair.ptr + equals + 1, pair.len - equals - 1);
		count++;
	}
	return count == 1 && is_value(found) ? found : span_make(NULL, 0);
}

struct browser_finding browser_site(struct span origin, struct span fetch_site, struct span ours)
{
	struct browser_finding f = { false, false };

	if (origin.len > 0) {
		if (ours.len > 0 && span_iequals(origin, ours)) /* scheme and host know no case */
			f.same_site = true;
		else
			f.cross_site = true;
	}
	if (fetch_site.len > 0) {
		if (span_equals(fetch_site, SPAN("same-origin")))
			f.same_site = true;
		else if (!span_equals(fetch_site, SPAN("none"))) /* none: typed, or a bookmark */
			f.cross_site = true;
	}
	f.same_site = f.same_site && !f.cross_site;
	return f;
}
