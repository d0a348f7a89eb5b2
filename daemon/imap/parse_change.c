/* imap/parse_change.c: the arguments of SELECT and of the commands that change messages. Each begins behind the verb, at its space. */
#include "daemon/imap/commands.h"
#include "daemon/imap/limits.h"

/* mod-sequence-valzer = "0" / mod-sequence-value, below 2^63 (RFC 7162 7) */
static enum err parse_modseq(struct imap_parser *p, bool may_be_zero, uint64_t *out)
{
	enum err e = parse_number64(p, out);

	return !e && *out == 0 && !may_be_zero ? ERR_SYNTAX : e;
}

/* sequence-set without "*" and "$" */
static enum err parse_known(struct imap_parser *p, struct imap_set *out)
{
	enum err e = parse_set(p, out);

	if (e)
		return e;
	for (size_t i = 0; i < out->count; i++)
		if (!out->ranges[i].first || !out->ranges[i].last)
			return ERR_SYNTAX;
	return out->saved ? ERR_SYNTAX : ERR_OK;
}

static uint64_t numbers_in(const struct imap_set *set)
{
	uint64_t n = 0;

	for (size_t i = 0; i < set->count; i++) {
		uint32_t a = set->ranges[i].first, b = set->ranges[i].last;

		n += (uint64_t)(a < b ? b - a : a - b) + 1;
	}
	return n;
}

/* seq-match-data = "(" known-sequence-set SP known-uid-set ")", as many of the one as of the other (RFC 7162 3.2.5.2) */
static enum err parse_match(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_known(p, &out->select.match_sequences);

	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_known(p, &out->select.match_uids);
	if (!e)
		e = parse_expect(p, ')');
	return !e && numbers_in(&out->select.match_sequences) != numbers_in(&out->select.match_uids) ? ERR_SYNTAX : e;
}

/* "QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")" */
static enum err parse_qresync(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_expect(p, '(');
	if (!e)
		e = parse_number(p, &out->select.uid_validity);
	if (!e && out->select.uid_validity == 0)
		e = ERR_SYNTAX;
	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_modseq(p, false, &out->select.modseq);
	if (!e && parse_char(p, ' ')) {
		if (!parse_peek(p, '('))
			e = parse_known(p, &out->select.known);
		if (!e && (!out->select.known.count || parse_char(p, ' ')))
			e = parse_expect(p, '(') ? ERR_SYNTAX : parse_match(p, out);
	}
	return e ? e : parse_expect(p, ')');
}

static enum err parse_select_param(struct imap_parser *p, union imap_args *out)
{
	if (!out->select.condstore && parse_may(p, CAP_CONDSTORE) && parse_word(p, SPAN("CONDSTORE"))) {
		out->select.condstore = true;
		return ERR_OK;
	}
	if (!out->select.qresync && parse_may(p, CAP_QRESYNC) && parse_word(p, SPAN("QRESYNC"))) {
		out->select.qresync = true;
		return parse_qresync(p, out);
	}
	return ERR_SYNTAX;
}

/* select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]; EXAMINE likewise */
enum err imap_parse_select(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_mailbox(p, &out->select.name);
	if (e || !parse_char(p, ' '))
		return e;
	e = parse_expect(p, '(');
	if (e)
		return e;
	do
		e = parse_select_param(p, out);
	while (!e && parse_char(p, ' '));
	return e ? e : parse_expect(p, ')');
}

static enum err parse_set_first(struct imap_parser *p, struct imap_set *out)
{
	enum err e = parse_expect(p, ' ');

	return e ? e : parse_set(p, out);
}

/* store-modifiers = SP "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")" (RFC 4466 2.5, RFC 7162 3.1.3) */
static enum err parse_store_modifiers(struct imap_parser *p, union imap_args *out)
{
	enum err e;

	if (!parse_char(p, '('))
		return ERR_OK;
	if (!parse_may(p, CAP_CONDSTORE) || !parse_word(p, SPAN("UNCHANGEDSINCE")) || !parse_char(p, ' '))
		return ERR_SYNTAX;
	out->store.has_since = true;
	e = parse_modseq(p, true, &out->store.since);
	if (!e)
		e = parse_expect(p, ')');
	return e ? e : parse_expect(p, ' ');
}

/* store = "STORE" SP sequence-set store-modifiers SP ["+" / "-"] "FLAGS" [".SILENT"] SP (flag-list / (flag *(SP flag))) */
enum err imap_parse_store(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_set_first(p, &out->store.set);

	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_store_modifiers(p, out);
	if (e)
		return e;
	out->store.how = parse_char(p, '+') ? FLAGS_ADD : parse_char(p, '-') ? FLAGS_REMOVE
									     : FLAGS_REPLACE;
	if (parse_word(p, SPAN("FLAGS.SILENT")))
		out->store.silent = true;
	else if (!parse_word(p, SPAN("FLAGS")))
		return ERR_SYNTAX;
	if (!parse_char(p, ' '))
		return ERR_SYNTAX;
	return parse_peek(p, '(') ? parse_flag_list(p, &out->store.flags) : parse_flags_plain(p, &out->store.flags);
}

/* copy = "COPY" SP sequence-set SP mailbox; MOVE likewise (RFC 6851) */
enum err imap_parse_copy(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_set_first(p, &out->copy.set);

	if (!e)
		e = parse_expect(p, ' ');
	return e ? e : parse_mailbox(p, &out->copy.name);
}

/* uid-expunge = "UID" SP "EXPUNGE" SP sequence-set (RFC 4315) */
enum err imap_parse_uid_expunge(struct imap_parser *p, union imap_args *out)
{
	return parse_set_first(p, &out->expunge.set);
}
