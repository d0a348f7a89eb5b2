/* auth/words.c: splitting, joining, checking. */
#include "daemon/auth/words.h"

#define LABEL_MAX 100

enum err words_split(struct span text, struct arena *a, const struct span **out, size_t *count_out)
{
	struct span rest = text, *list;
	size_t count = text.len > 0, n = 0;

	*out = NULL;
	*count_out = 0;
	for (size_t i = 0; i < text.len; i++)
		count += text.ptr[i] == ' ';
	if (count == 0)
		return ERR_OK;
	list = arena_array(a, count, sizeof(*list));
	if (!list)
		return ERR_TEMP;
	while (n < count && span_split(&rest, ' ', &list[n]))
		n++;
	*out = list;
	*count_out = n;
	return ERR_OK;
}

enum err words_networks(struct span text, struct arena *a, const struct net_cidr **out, size_t *count_out)
{
	const struct span *words;
	struct net_cidr *list;
	size_t count;
	enum err e = words_split(text, a, &words, &count);

	*out = NULL;
	*count_out = 0;
	if (e || count == 0)
		return e;
	list = arena_array(a, count, sizeof(*list));
	if (!list)
		return ERR_TEMP;
	for (size_t i = 0; i < count && !e; i++)
		e = net_cidr_parse(words[i], &list[i]);
	if (e)
		return e;
	*out = list;
	*count_out = count;
	return ERR_OK;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

enum err words_join(const struct span *list, size_t count, size_t max, struct buf *out)
{
	if (count > max)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		for (size_t at = 0; at < list[i].len; at++) {
			if (list[i].ptr[at] == ' ' || is_control(list[i].ptr[at]))
				return ERR_SYNTAX;
		}
		if (list[i].len == 0 || !span_is_utf8(list[i]))
			return ERR_SYNTAX;
		if (i > 0)
			buf_add_char(out, ' ');
		buf_add(out, list[i]);
	}
	return out->failed ? ERR_LIMIT : ERR_OK;
}

enum err words_check_networks(const struct span *list, size_t count, struct note *why)
{
	struct net_cidr cidr;

	if (count > WORDS_NETWORKS_MAX) {
		note_set(why, "at most %d networks", WORDS_NETWORKS_MAX);
		return ERR_LIMIT;
	}
	for (size_t i = 0; i < count; i++) {
		if (net_cidr_parse(list[i], &cidr) != ERR_OK) {
			note_set(why, "network %zu of the list is not an address or a network like 192.0.2.0/24", i + 1);
			return ERR_SYNTAX;
		}
	}
	return ERR_OK;
}

enum err words_join_networks(const struct span *list, size_t count, struct buf *out, struct note *why)
{
	enum err e = words_check_networks(list, count, why);

	return e ? e : words_join(list, count, WORDS_NETWORKS_MAX, out);
}

/* The C1 controls U+0080 to U+009F move a terminal too. */
static bool has_control(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (is_control(text.ptr[i]))
			return true;
		if ((unsigned char)text.ptr[i] == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0)
			return true;
	}
	return false;
}

enum err words_check_label(struct span label, struct note *why)
{
	if (label.len == 0 || label.len > LABEL_MAX) {
		note_set(why, "a label has 1 to %d bytes", LABEL_MAX);
		return ERR_LIMIT;
	}
	if (!span_is_utf8(label) || has_control(label)) {
		note_set(why, "a label is text without control characters");
		return ERR_SYNTAX;
	}
	return ERR_OK;
}
