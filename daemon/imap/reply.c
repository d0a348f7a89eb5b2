/* imap/reply.c: the only writer of protocol text: responses of RFC 3501 section 7. */
#include "daemon/imap/reply.h"

#include "daemon/imap/place.h"
#include "daemon/mime/date.h"

#define DIGITS_MAX 20
#define CAPABILITIES_MAX 4096

void reply_add(struct out *out, struct span text)
{
	out_add(out, text);
}

/* The digits, right-aligned in `room`. */
static struct span digits_of(uint64_t number, char room[DIGITS_MAX])
{
	size_t at = DIGITS_MAX;

	do {
		room[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return span_make(room + at, DIGITS_MAX - at);
}

void reply_number(struct out *out, uint64_t number)
{
	char room[DIGITS_MAX];

	out_add(out, digits_of(number, room));
}

void reply_tagged(struct out *out, const char *tag, enum imap_status status, struct span text)
{
	static const struct span words[] = { [IMAP_OK] = SPAN(" OK "), [IMAP_NO] = SPAN(" NO "), [IMAP_BAD] = SPAN(" BAD ") };

	out_add(out, span_str(tag));
	out_add(out, words[status]);
	out_add(out, text);
	out_add(out, SPAN("\r\n"));
}

void reply_untagged(struct out *out, const char *text)
{
	out_add(out, SPAN("* "));
	out_add(out, span_str(text));
	out_add(out, SPAN("\r\n"));
}

void reply_bye(struct out *out, const char *text)
{
	out_add(out, SPAN("* BYE "));
	out_add(out, span_str(text));
	out_add(out, SPAN("\r\n"));
}

void reply_ok_code(struct out *out, struct span code_and_text)
{
	out_add(out, SPAN("* OK "));
	out_add(out, code_and_text);
	out_add(out, SPAN("\r\n"));
}

void reply_continue(struct out *out, const char *text)
{
	out_add(out, SPAN("+ "));
	out_add(out, span_str(text));
	out_add(out, SPAN("\r\n"));
}

void reply_count(struct out *out, uint32_t number, const char *word)
{
	char line[64], room[DIGITS_MAX];
	struct span digits = digits_of(number, room), text = span_str(word);
	size_t n = 0;

	if (digits.len + text.len + 5 > sizeof line)
		return;
	memcpy(line, "* ", 2);
	n = 2;
	memcpy(line + n, digits.ptr, digits.len);
	n += digits.len;
	line[n++] = ' ';
	memcpy(line + n, text.ptr, text.len);
	n += text.len;
	memcpy(line + n, "\r\n", 2);
	out_add(out, span_make(line, n + 2));
}

void reply_in_progress(struct out *out, const char *tag, uint64_t done, uint64_t goal)
{
	if (goal)
		out_addf(out, "* OK [INPROGRESS (\"%s\" %llu %llu)] Still working\r\n", tag, (unsigned long long)done, (unsigned long long)goal);
	else
		out_addf(out, "* OK [INPROGRESS (\"%s\" %llu NIL)] Still working\r\n", tag, (unsigned long long)done);
}

/* After login what the account is offered (RFC 3501 6.1.1); before, what a client needs for logging in. */
static void add_capabilities(const struct imap_session *s, struct buf *text)
{
	buf_add_str(text, "IMAP4rev1");
	if (s->state == IMAP_START) {
		buf_add_str(text, " IMAP4rev2 LITERAL- SASL-IR ID ENABLE");
		if (imap_may_login(s))
			buf_add_str(text, s->peer->tls && s->service->may_bind(s->ctx) ? " AUTH=PLAIN AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS" : " AUTH=PLAIN AUTH=SCRAM-SHA-256");
		if (s->may_starttls && !s->peer->tls)
			buf_add_str(text, " STARTTLS");
		if (!imap_may_login(s))
			buf_add_str(text, " LOGINDISABLED");
		return;
	}
	for (unsigned cap = CAP_NONE + 1; cap < CAP_COUNT; cap++)
		if (imap_has(s, (enum imap_capability)cap)) {
			buf_add_char(text, ' ');
			buf_add(text, imap_capability_text((enum imap_capability)cap));
		}
}

static void reply_capabilities(const struct imap_session *s, struct out *out, struct span before, struct span after)
{
	struct buf text;

	buf_init(&text, CAPABILITIES_MAX);
	buf_add(&text, before);
	add_capabilities(s, &text);
	buf_add(&text, after);
	out_add(out, buf_span(&text));
	buf_clear(&text);
}

void reply_capability(const struct imap_session *s, struct out *out)
{
	reply_capabilities(s, out, SPAN("* CAPABILITY "), SPAN("\r\n"));
}

struct span reply_capability_text(struct imap_session *s, const char *words)
{
	struct buf text;
	struct span result;

	buf_init(&text, CAPABILITIES_MAX);
	buf_add_str(&text, "[CAPABILITY ");
	add_capabilities(s, &text);
	buf_add_str(&text, "] ");
	buf_add_str(&text, words);
	result = arena_copy(&s->run.arena, buf_span(&text));
	buf_clear(&text);
	return result.ptr ? result : span_str(words);
}

void reply_greeting(const struct imap_session *s, struct out *out)
{
	reply_capabilities(s, out, SPAN("* OK [CAPABILITY "), SPAN("] Postroom ready\r\n"));
}

static const struct {
	uint64_t bit;
	struct span name;
} system_flags[] = {
	{ FLAG_ANSWERED, { "\\Answered", 9 } },
	{ FLAG_FLAGGED, { "\\Flagged", 8 } },
	{ FLAG_DELETED, { "\\Deleted", 8 } },
	{ FLAG_SEEN, { "\\Seen", 5 } },
	{ FLAG_DRAFT, { "\\Draft", 6 } },
};

struct flag_writer {
	struct out *out;
	char text[1024];
	size_t len;
};

static void flag_add(struct flag_writer *w, struct span name)
{
	if (w->len + name.len + 1 > sizeof w->text) {
		out_add(w->out, span_make(w->text, w->len));
		w->len = 0;
	}
	if (name.len > sizeof w->text)
		return;
	memcpy(w->text + w->len, name.ptr, name.len);
	w->len += name.len;
}

static void flag_list(const struct imap_session *s, struct out *out, uint64_t flags, struct span extra)
{
	struct flag_writer w = { .out = out, .text = "(", .len = 1 };
	bool some = false;

	for (size_t i = 0; i < sizeof system_flags / sizeof *system_flags; i++)
		if (flags & system_flags[i].bit) {
			if (some)
				flag_add(&w, SPAN(" "));
			flag_add(&w, system_flags[i].name);
			some = true;
		}
	flags &= s->keyword_mask;
	for (size_t k = 0; k < s->keyword_count && flags >> FLAG_KEYWORD_SHIFT; k++)
		if (flags >> (FLAG_KEYWORD_SHIFT + k) & 1) {
			if (some)
				flag_add(&w, SPAN(" "));
			flag_add(&w, s->keywords[k]);
			some = true;
		}
	if (extra.len) {
		if (some)
			flag_add(&w, SPAN(" "));
		flag_add(&w, extra);
	}
	flag_add(&w, SPAN(")"));
	out_add(out, span_make(w.text, w.len));
}

void reply_flags(const struct imap_session *s, struct out *out, uint64_t flags, bool recent)
{
	flag_list(s, out, flags, recent && !(s->enabled & ENABLED_REV2) ? SPAN("\\Recent") : SPAN(""));
}

/* What may be changed by the rights there are; "\*" with the right to make keywords, while there is room for more. */
void reply_select_flags(const struct imap_session *s, struct out *out)
{
	const bool makes_keywords = (s->at.rights & RIGHT_WRITE) && s->keyword_count < FLAG_KEYWORDS_MAX;

	out_add(out, SPAN("* FLAGS "));
	flag_list(s, out, UINT64_MAX, SPAN(""));
	out_add(out, SPAN("\r\n* OK [PERMANENTFLAGS "));
	if (s->read_only)
		out_add(out, SPAN("()"));
	else
		flag_list(s, out, imap_rights_flags(s->at.rights), makes_keywords ? SPAN("\\*") : SPAN(""));
	out_add(out, SPAN("] Flags that can be changed\r\n"));
}

void reply_fetch_begin(const struct imap_session *s, struct out *out, uint32_t sequence, uint32_t uid)
{
	bool uid_only = s->enabled & ENABLED_UIDONLY;

	out_add(out, SPAN("* "));
	reply_number(out, uid_only ? uid : sequence);
	out_add(out, uid_only ? SPAN(" UIDFETCH (") : SPAN(" FETCH ("));
}

void reply_modseq(struct out *out, uint64_t modseq)
{
	out_add(out, SPAN("MODSEQ ("));
	reply_number(out, modseq);
	out_add(out, SPAN(")"));
}

void reply_fetch_flags(const struct imap_session *s, struct out *out, uint32_t sequence, uint32_t uid, uint64_t flags, uint64_t modseq, bool with_uid)
{
	reply_fetch_begin(s, out, sequence, uid);
	if (with_uid && !(s->enabled & ENABLED_UIDONLY)) {
		out_add(out, SPAN("UID "));
		reply_number(out, uid);
		out_add(out, SPAN(" "));
	}
	out_add(out, SPAN("FLAGS "));
	reply_flags(s, out, flags, s->service->view_is_recent(s->view, uid));
	if (modseq) {
		out_add(out, SPAN(" "));
		reply_modseq(out, modseq);
	}
	out_add(out, SPAN(")\r\n"));
}

/* One side of COPYUID: ranges where numbers and their order allow it. */
static void add_uids(struct buf *text, const struct uid_pair *pairs, size_t count, bool to)
{
	for (size_t i = 0; i < count;) {
		uint32_t first = to ? pairs[i].to : pairs[i].from, last = first;
		size_t n = 1;

		while (i + n < count && (to ? pairs[i + n].to : pairs[i + n].from) == last + 1) {
			last++;
			n++;
		}
		buf_addf(text, i ? ",%u" : "%u", first);
		if (last != first)
			buf_addf(text, ":%u", last);
		i += n;
	}
}

struct span reply_copyuid(struct arena *a, uint32_t uid_validity, const struct uid_pair *pairs, size_t count)
{
	struct buf text;
	struct span result;

	buf_init(&text, OUT_MAX / 2);
	buf_addf(&text, "[COPYUID %u ", uid_validity);
	add_uids(&text, pairs, count, false);
	buf_add_char(&text, ' ');
	add_uids(&text, pairs, count, true);
	buf_add_str(&text, "] Done");
	result = text.failed ? SPAN("Done") : arena_copy(a, buf_span(&text));
	buf_clear(&text);
	return result.ptr ? result : SPAN("Done");
}

void reply_internal_date(struct out *out, int64_t ms, int offset_minutes)
{
	struct buf text;

	buf_init(&text, 64);
	buf_add_char(&text, '"');
	date_write_imap(ms, offset_minutes, &text);
	buf_add_char(&text, '"');
	out_add(out, buf_span(&text));
	buf_clear(&text);
}

void reply_literal_size(struct out *out, uint64_t size)
{
	out_add(out, SPAN("{"));
	reply_number(out, size);
	out_add(out, SPAN("}\r\n"));
}

void reply_file(struct out *out, struct out_file *file, uint64_t offset, uint64_t length)
{
	out_add_file(out, file, offset, length);
}
