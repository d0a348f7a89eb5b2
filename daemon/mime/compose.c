/* mime/compose.c: a message from its parts.
 *
 *   mixed ( alternative ( text, related ( html, parts shown in it ) ), other parts )      each only where it has two members
 */
#include "daemon/mime/compose.h"

#include <stdio.h>

#include "daemon/base/encode.h"
#include "daemon/base/rng.h"
#include "daemon/mime/date.h"
#include "daemon/mime/words.h"

#define LINE_7BIT 998
#define LINE_QP 75 /* and the soft break */
#define LINE_BASE64 76
#define FLUSH_BYTES 32768
#define WRITE_MAX (2u * 1024u * 1024u) /* one field or flush of what is written */
#define BOUNDARY_MAX 40
#define CHECK_CHARS 4096

struct writer {
	struct buf out;
	enum err (*add)(void *arg, struct span bytes);
	void *arg;
	enum err error;
};

static void flush(struct writer *w, size_t at_least)
{
	if (w->out.failed && w->error == ERR_OK)
		w->error = ERR_TEMP;
	if (w->error != ERR_OK || w->out.len < at_least || w->out.len == 0)
		return;
	w->error = w->add(w->arg, buf_span(&w->out));
	buf_reset(&w->out);
}

bool compose_is_base64(struct span text)
{
	struct buf scratch;
	bool fits = text.len % 4 == 0;
	size_t at;

	buf_init(&scratch, CHECK_CHARS);
	for (; fits && text.len > 0; text = span_skip(text, CHECK_CHARS)) {
		struct span piece = span_take(text, CHECK_CHARS);

		buf_reset(&scratch);
		fits = base64_decode(piece, &scratch) == ERR_OK && (piece.len == text.len || !span_find_char(piece, '=', &at));
	}
	buf_wipe(&scratch);
	return fits;
}

/* ---- header ---- */

static void write_mailbox(struct buf *out, const struct compose_mailbox *m, size_t *column)
{
	struct buf text;
	struct span last;
	size_t from = 0;

	buf_init(&text, WRITE_MAX);
	if (m->name.len > 0) {
		words_write_phrase(m->name, *column + 1, &text);
		buf_add_char(&text, ' ');
	}
	buf_addf(&text, m->name.len > 0 ? "<%.*s>" : "%.*s", (int)m->address.len, m->address.ptr);
	if (*column + 1 + text.len > 77) {
		buf_add_str(out, "\r\n");
		*column = 0;
	}
	buf_add_char(out, ' ');
	buf_add(out, buf_span(&text));
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.ptr[i] == '\n')
			from = i + 1;
	last = span_skip(buf_span(&text), from);
	*column = from ? last.len : *column + 1 + last.len;
	buf_clear(&text);
}

static void write_mailboxes(struct buf *out, const char *name, const struct compose_mailbox *list, size_t count)
{
	size_t column = strlen(name) + 1;

	if (count == 0)
		return;
	buf_addf(out, "%s:", name);
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			buf_add_char(out, ',');
			column++;
		}
		write_mailbox(out, &list[i], &column);
	}
	buf_add_str(out, "\r\n");
}

static void write_header(struct writer *w, const struct compose *m)
{
	struct buf *out = &w->out;

	buf_add_str(out, "Date: ");
	date_write_header(m->date_ms, out);
	buf_add_str(out, "\r\n");
	write_mailboxes(out, "From", &m->from, 1);
	write_mailboxes(out, "Reply-To", &m->reply_to, m->reply_to.address.len > 0);
	write_mailboxes(out, "To", m->to, m->to_count);
	flush(w, FLUSH_BYTES);
	write_mailboxes(out, "Cc", m->cc, m->cc_count);
	if (m->subject.ptr) {
		buf_add_str(out, "Subject: ");
		words_write(m->subject, 9, out);
		buf_add_str(out, "\r\n");
	}
	buf_addf(out, "Message-ID: <%.*s>\r\n", (int)m->message_id.len, m->message_id.ptr);
	for (size_t i = 0; i < m->field_count; i++) {
		buf_add(out, m->fields[i].name);
		buf_add_str(out, ": ");
		words_write(m->fields[i].value, m->fields[i].name.len + 2, out);
		buf_add_str(out, "\r\n");
		flush(w, FLUSH_BYTES);
	}
	buf_add_str(out, "MIME-Version: 1.0\r\n");
}

/* ---- bodies ---- */

/* The next line without its end; CR, LF and CRLF end one. False: nothing is left. */
static bool next_line(struct span *rest, struct span *out)
{
	size_t len = 0;

	if (rest->len == 0)
		return false;
	while (len < rest->len && rest->ptr[len] != '\n' && rest->ptr[len] != '\r')
		len++;
	*out = span_take(*rest, len);
	if (len < rest->len)
		len += rest->ptr[len] == '\r' && len + 1 < rest->len && rest->ptr[len + 1] == '\n' ? 2 : 1;
	*rest = span_skip(*rest, len);
	return true;
}

static bool is_7bit(struct span text)
{
	struct span line;

	while (next_line(&text, &line)) {
		if (line.len > LINE_7BIT)
			return false;
		for (size_t i = 0; i < line.len; i++)
			if ((line.ptr[i] < ' ' && line.ptr[i] != '\t') || line.ptr[i] == 0x7f || (unsigned char)line.ptr[i] > 0x7f)
				return false;
	}
	return true;
}

/* RFC 2045 6.7 */
static void write_quoted_line(struct buf *out, struct span line)
{
	size_t column = 0;

	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];
		bool last = i + 1 == line.len;
		bool plain = (c > ' ' && c <= '~' && c != '=') || ((c == ' ' || c == '\t') && !last);

		if (column + (plain ? 1 : 3) > LINE_QP) {
			buf_add_str(out, "=\r\n");
			column = 0;
		}
		if (plain)
			buf_add_char(out, (char)c);
		else
			buf_addf(out, "=%02X", c);
		column += plain ? 1 : 3;
	}
}

static void write_text(struct writer *w, const char *subtype, struct span text)
{
	bool plain = is_7bit(text);
	struct span line;

	buf_addf(&w->out, "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n", subtype, plain ? "7bit" : "quoted-printable");
	while (w->error == ERR_OK && next_line(&text, &line)) {
		/* Long lines in pieces: a buffer has a ceiling. */
		while (!plain && line.len > FLUSH_BYTES) {
			write_quoted_line(&w->out, span_take(line, FLUSH_BYTES));
			buf_add_str(&w->out, "=\r\n");
			line = span_skip(line, FLUSH_BYTES);
			flush(w, FLUSH_BYTES);
		}
		if (plain)
			buf_add(&w->out, line);
		else
			write_quoted_line(&w->out, line);
		buf_add_str(&w->out, "\r\n");
		flush(w, FLUSH_BYTES);
	}
}

static void write_part(struct writer *w, const struct compose_part *p)
{
	buf_addf(&w->out, "Content-Type: %.*s", (int)p->content_type.len, p->content_type.ptr);
	if (p->filename.len > 0)
		words_write_parameter("name", p->filename, &w->out);
	buf_addf(&w->out, "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: %s", p->content_id.len > 0 ? "inline" : "attachment");
	if (p->filename.len > 0)
		words_write_parameter("filename", p->filename, &w->out);
	buf_add_str(&w->out, "\r\n");
	if (p->content_id.len > 0)
		buf_addf(&w->out, "Content-ID: <%.*s>\r\n", (int)p->content_id.len, p->content_id.ptr);
	buf_add_str(&w->out, "\r\n");
	for (struct span rest = p->base64; rest.len > 0 && w->error == ERR_OK; rest = span_skip(rest, LINE_BASE64)) {
		buf_add(&w->out, span_take(rest, LINE_BASE64));
		buf_add_str(&w->out, "\r\n");
		flush(w, FLUSH_BYTES);
	}
}

/* ---- the tree ---- */

struct boundary {
	char text[BOUNDARY_MAX];
};

/* "=_" stands in neither quoted-printable nor base64 (RFC 2045 6.7). */
static struct boundary begin_multipart(struct writer *w, const char *kind, const char *parameters)
{
	struct boundary b;

	snprintf(b.text, sizeof b.text, "=_%016llx%016llx", (unsigned long long)rng_u64(), (unsigned long long)rng_u64());
	buf_addf(&w->out, "Content-Type: multipart/%s%s;\r\n\tboundary=\"%s\"\r\n\r\n", kind, parameters, b.text);
	return b;
}

static void next_member(struct writer *w, const struct boundary *b)
{
	buf_addf(&w->out, "\r\n--%s\r\n", b->text);
}

static void end_multipart(struct writer *w, const struct boundary *b)
{
	buf_addf(&w->out, "\r\n--%s--\r\n", b->text);
}

static size_t count_shown(const struct compose *m)
{
	size_t shown = 0;

	for (size_t i = 0; m->html.ptr && i < m->part_count; i++)
		shown += m->parts[i].content_id.len > 0;
	return shown;
}

static void write_html(struct writer *w, const struct compose *m)
{
	struct boundary b;

	if (count_shown(m) == 0) {
		write_text(w, "html", m->html);
		return;
	}
	b = begin_multipart(w, "related", "; type=\"text/html\"");
	next_member(w, &b);
	write_text(w, "html", m->html);
	for (size_t i = 0; i < m->part_count; i++) {
		if (m->parts[i].content_id.len == 0)
			continue;
		next_member(w, &b);
		write_part(w, &m->parts[i]);
	}
	end_multipart(w, &b);
}

static void write_words(struct writer *w, const struct compose *m)
{
	struct boundary b;

	if (!m->html.ptr) {
		write_text(w, "plain", m->text);
		return;
	}
	if (!m->text.ptr) {
		write_html(w, m);
		return;
	}
	b = begin_multipart(w, "alternative", "");
	next_member(w, &b);
	write_text(w, "plain", m->text);
	next_member(w, &b);
	write_html(w, m);
	end_multipart(w, &b);
}

static void write_body(struct writer *w, const struct compose *m)
{
	bool has_html = m->html.ptr != NULL;
	struct boundary b;

	if (m->part_count == count_shown(m)) {
		write_words(w, m);
		return;
	}
	b = begin_multipart(w, "mixed", "");
	next_member(w, &b);
	write_words(w, m);
	for (size_t i = 0; i < m->part_count; i++) {
		if (has_html && m->parts[i].content_id.len > 0)
			continue;
		next_member(w, &b);
		write_part(w, &m->parts[i]);
	}
	end_multipart(w, &b);
}

enum err compose_write(const struct compose *m, enum err (*add)(void *arg, struct span bytes), void *arg)
{
	struct writer w = { .add = add, .arg = arg };

	buf_init(&w.out, WRITE_MAX);
	write_header(&w, m);
	write_body(&w, m);
	flush(&w, 0);
	buf_clear(&w.out);
	return w.error;
}
