/* webui/negotiate.c: lists with weights, and lists of entity tags. */
#include "webui/negotiate.h"

/* "q=0.25" as thousandths (RFC 9110 12.4.2: at most three digits behind the point). */
static bool read_weight(struct span s, int *out)
{
	int value, scale = 100;

	if (s.len < 3 || s.len > 7 || ascii_lower(s.ptr[0]) != 'q' || s.ptr[1] != '=' || (s.ptr[2] != '0' && s.ptr[2] != '1'))
		return false;
	value = (s.ptr[2] - '0') * 1000;
	if (s.len > 3 && s.ptr[3] != '.')
		return false;
	for (size_t i = 4; i < s.len; i++, scale /= 10) {
		if (!ascii_is_digit(s.ptr[i]))
			return false;
		value += (s.ptr[i] - '0') * scale;
	}
	*out = value;
	return value <= 1000;
}

/* A coding without a readable weight is not wanted. */
static int weight_of(struct span parameters)
{
	int weight = 1000;

	parameters = span_trim(parameters);
	return parameters.len == 0 || read_weight(parameters, &weight) ? weight : 0;
}

bool accepts_gzip(struct span accept_encoding)
{
	int gzip = -1, any = -1, identity = -1;
	struct span rest = accept_encoding, item;

	while (span_split(&rest, ',', &item)) {
		struct span name = item, parameters = item;
		int weight;

		span_split(&parameters, ';', &name);
		weight = weight_of(parameters);
		name = span_trim(name);
		if (span_iequals(name, SPAN("gzip")) || span_iequals(name, SPAN("x-gzip")))
			gzip = weight;
		else if (span_equals(name, SPAN("*")))
			any = weight;
		else if (span_iequals(name, SPAN("identity")))
			identity = weight;
	}
	if (gzip < 0)
		gzip = any < 0 ? 0 : any;
	return gzip > 0 && gzip >= identity;
}

bool etags_have(struct span list, struct span etag)
{
	struct span item;

	if (span_equals(span_trim(list), SPAN("*")))
		return true;
	while (span_split(&list, ',', &item)) { /* our own tags hold no comma */
		item = span_trim(item);
		if (span_starts(item, SPAN("W/")))
			item = span_skip(item, 2);
		if (span_equals(item, etag))
			return true;
	}
	return false;
}

struct span etags_plain(struct arena *a, struct span list, bool *had_out)
{
	const struct span mark = SPAN(ETAG_GZIP);
	struct span out = list, rest = list;
	char *to = NULL;
	size_t at, len = 0;

	*had_out = false;
	while (span_find(rest, mark, &at)) {
		if (!to)
			to = arena_alloc(a, list.len);
		if (!to)
			return list;
		memcpy(to + len, rest.ptr, at);
		len += at;
		to[len++] = '"';
		rest = span_make(rest.ptr + at + mark.len, rest.len - at - mark.len);
		*had_out = true;
	}
	if (to) {
		memcpy(to + len, rest.ptr, rest.len);
		out = span_make(to, len + rest.len);
	}
	return out;
}

struct span etag_gzip(struct arena *a, struct span etag)
{
	if (!span_ends(etag, SPAN("\"")))
		return etag;
	return arena_printf(a, "%.*s" ETAG_GZIP, (int)(etag.len - 1), etag.ptr);
}
