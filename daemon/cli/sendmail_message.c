/* cli/sendmail_message.c: what a program hands over becomes a message of RFC 5322. */
#include "daemon/cli/sendmail_message.h"

#include "daemon/base/encode.h"
#include "daemon/mime/address.h"
#include "daemon/mime/header.h"

#define ARENA_MAX (64u * 1024u * 1024u)
#define HEADER_MAX_BYTES (1024u * 1024u)
#define FIELD_MAX_BYTES (512u * 1024u)

void sendmail_message_init(struct sendmail_message *m)
{
	*m = (struct sendmail_message){ .recipient_count = 0 };
	arena_init(&m->arena, ARENA_MAX);
	buf_init(&m->text, SENDMAIL_MESSAGE_MAX);
	buf_init(&m->header, HEADER_MAX_BYTES);
}

void sendmail_message_clear(struct sendmail_message *m)
{
	buf_clear(&m->text);
	buf_clear(&m->header);
	arena_clear(&m->arena);
}

/* ---- reading ---- */

/* The line that begins at `start` is whole. True: it is the dot that ends the message. */
static bool end_line(struct sendmail_message *m, size_t start, bool ignore_dots)
{
	struct span line = span_skip(buf_span(&m->text), start);

	if (!ignore_dots && span_equals(line, SPAN("."))) {
		m->text.len = start;
		return true;
	}
	/* mbox's separator (RFC 4155), which some programs leave in front. */
	if (start == 0 && span_starts(line, SPAN("From ")))
		m->text.len = 0;
	else
		buf_add_str(&m->text, "\r\n");
	return false;
}

enum err sendmail_message_read(struct sendmail_message *m, FILE *from, bool ignore_dots)
{
	size_t start = 0;
	bool after_cr = false, over = false;
	int c;

	while (!over && !m->text.failed && (c = getc(from)) != EOF) {
		/* CRLF, LF and a lone CR each end one line. */
		if (c == '\n' && after_cr) {
			after_cr = false;
			continue;
		}
		after_cr = c == '\r';
		if (c != '\r' && c != '\n') {
			buf_add_char(&m->text, (char)c);
			continue;
		}
		over = end_line(m, start, ignore_dots);
		start = m->text.len;
	}
	if (!over && m->text.len > start)
		(void)end_line(m, start, ignore_dots);
	if (m->text.failed)
		return ERR_LIMIT;
	return ferror(from) ? ERR_TEMP : ERR_OK;
}

/* ---- addresses ---- */

static bool is_here(const struct sendmail_home *home, struct span domain)
{
	return domain.len == 0 || span_iequals(domain, home->hostname) || span_iequals(domain, SPAN("localhost")) || span_iequals(domain, SPAN("localhost.localdomain"));
}

/* What would end the SMTP command that it stands in. */
static bool has_controls(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return true;
	return false;
}

struct span sendmail_qualify(struct arena *a, const struct sendmail_home *home, struct span local, struct span domain, bool as_sender)
{
	struct span login = home->sender;
	struct buf text;
	struct span out;
	size_t at;

	if (as_sender && is_here(home, domain) && span_find_char(login, '@', &at) && span_equals(local, span_take(login, at)))
		return login;
	if (is_here(home, domain))
		domain = home->origin;
	buf_init(&text, 4 * ADDRESS_MAX);
	address_write(&(struct address){ local, domain }, &text);
	out = text.failed || has_controls(buf_span(&text)) ? SPAN("") : arena_copy(a, buf_span(&text));
	buf_clear(&text);
	return out;
}

static enum err add_recipient(struct sendmail_message *m, struct span address, struct span login)
{
	if (address.len == 0)
		return ERR_DENIED;
	for (size_t i = 0; i < m->recipient_count; i++)
		if (span_iequals(m->recipients[i].address, address))
			return ERR_OK;
	if (m->recipient_count == SENDMAIL_RECIPIENTS_MAX)
		return ERR_LIMIT;
	if (m->recipient_count == m->recipient_room) {
		size_t room = m->recipient_room ? m->recipient_room * 2 : 16;
		struct sendmail_recipient *wider = arena_array(&m->arena, room, sizeof *wider);

		if (!wider)
			return ERR_LIMIT;
		if (m->recipient_count > 0)
			memcpy(wider, m->recipients, m->recipient_count * sizeof *wider);
		m->recipients = wider;
		m->recipient_room = room;
	}
	m->recipients[m->recipient_count++] = (struct sendmail_recipient){ address, arena_copy(&m->arena, login) };
	return m->arena.failed ? ERR_LIMIT : ERR_OK;
}

enum err sendmail_message_add_recipients(struct sendmail_message *m, const struct sendmail_home *home, struct span list)
{
	struct header_address *entries;
	size_t count, before = m->recipient_count, found = 0;
	enum err e = address_list_parse(list, &m->arena, &entries, &count);

	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		struct span local = entries[i].local, domain = entries[i].domain;

		if (entries[i].group_start || entries[i].group_end)
			continue;
		found++;
		e = add_recipient(m, sendmail_qualify(&m->arena, home, local, domain, false), is_here(home, domain) ? local : SPAN(""));
	}
	if (e == ERR_OK && found == 0 && before == m->recipient_count)
		e = ERR_SYNTAX;
	return e;
}

/* ---- header ---- */

/* RFC 5322 3.2.5: as it is when it is atoms (encoded words are), else quoted. */
static void write_name(struct buf *out, struct span name)
{
	bool plain = true;

	for (size_t i = 0; i < name.len; i++)
		plain = plain && ((unsigned char)name.ptr[i] >= 0x80 || ascii_is_alpha(name.ptr[i]) || ascii_is_digit(name.ptr[i]) || strchr(" !#$%&'*+-/=?^_`{|}~", name.ptr[i]));
	if (plain) {
		buf_add(out, name);
		return;
	}
	buf_add_char(out, '"');
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"' || name.ptr[i] == '\\')
			buf_add_char(out, '\\');
		if ((unsigned char)name.ptr[i] >= ' ')
			buf_add_char(out, name.ptr[i]);
	}
	buf_add_char(out, '"');
}

static bool needs_domain(const struct header_address *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].local.len > 0 && list[i].domain.len == 0)
			return true;
	return false;
}

static void write_list(struct sendmail_message *m, const struct sendmail_home *home, const struct header_address *list, size_t count, bool as_sender)
{
	bool comma = false;

	for (size_t i = 0; i < count; i++) {
		const struct header_address *e = &list[i];

		if (comma && !e->group_end)
			buf_add_str(&m->header, ",\r\n\t");
		comma = !e->group_start;
		if (e->group_start || e->name.len > 0)
			write_name(&m->header, e->name);
		if (e->group_start) {
			buf_add_char(&m->header, ':');
		} else if (e->group_end) {
			buf_add_char(&m->header, ';');
		} else {
			struct span address = e->domain.len > 0 ? arena_printf(&m->arena, "%.*s@%.*s", (int)e->local.len, e->local.ptr, (int)e->domain.len, e->domain.ptr)
								: sendmail_qualify(&m->arena, home, e->local, e->domain, as_sender);

			buf_addf(&m->header, "%s<%.*s>", e->name.len ? " " : "", (int)address.len, address.ptr);
		}
	}
	buf_add_str(&m->header, "\r\n");
}

/* A field of addresses: unchanged unless one of them lacks its domain. */
static void write_addresses(struct sendmail_message *m, const struct sendmail_home *home, const struct header_field *field, bool as_sender)
{
	struct header_address *list;
	size_t count;
	struct span value = header_unfold(&m->arena, field->value);

	if (field->whole.len > FIELD_MAX_BYTES || address_list_parse(value, &m->arena, &list, &count) != ERR_OK || !needs_domain(list, count)) {
		buf_add(&m->header, field->whole);
		return;
	}
	buf_addf(&m->header, "%.*s: ", (int)field->name.len, field->name.ptr);
	write_list(m, home, list, count, as_sender);
}

static void write_from(struct sendmail_message *m, struct span sender, struct span name)
{
	struct buf word;

	buf_add_str(&m->header, "From: ");
	buf_init(&word, 4096);
	if (span_is_ascii(name)) {
		write_name(&m->header, name);
	} else { /* RFC 2047 */
		buf_add_str(&word, "=?utf-8?B?");
		base64_encode(name, &word);
		buf_add_str(&word, "?=");
		buf_add(&m->header, buf_span(&word));
	}
	buf_clear(&word);
	buf_addf(&m->header, "%s<%.*s>\r\n", name.len > 0 ? " " : "", (int)sender.len, sender.ptr);
}

static bool is_one_of(struct span name, const char *words)
{
	struct span rest = span_str(words), word;

	while (span_split(&rest, ' ', &word))
		if (span_iequals(name, word))
			return true;
	return false;
}

static bool is_resent(struct span header)
{
	return header_count(header, SPAN("Resent-To")) + header_count(header, SPAN("Resent-Cc")) + header_count(header, SPAN("Resent-Bcc")) > 0;
}

static void write_field(struct sendmail_message *m, const struct sendmail_home *home, const struct header_field *field)
{
	if (is_one_of(field->name, "From Sender Reply-To Resent-From Resent-Sender"))
		write_addresses(m, home, field, true);
	else if (is_one_of(field->name, "To Cc Resent-To Resent-Cc"))
		write_addresses(m, home, field, false);
	else
		buf_add(&m->header, field->whole);
}

enum err sendmail_message_prepare(struct sendmail_message *m, const struct sendmail_home *home, bool take_recipients, struct span sender, struct span name)
{
	struct span text = buf_span(&m->text), header = span_take(text, header_length(text)), rest = header;
	const char *to = is_resent(header) ? "Resent-To Resent-Cc Resent-Bcc" : "To Cc Bcc";
	struct header_field field;
	bool has_from = false;
	enum err e = ERR_OK;

	m->body = span_skip(text, header.len);
	while (e == ERR_OK && header_next(&rest, &field)) {
		if (take_recipients && is_one_of(field.name, to))
			e = sendmail_message_add_recipients(m, home, header_unfold(&m->arena, field.value));
		if (e == ERR_SYNTAX) /* an empty To is no fault: another field may name somebody */
			e = ERR_OK;
		has_from = has_from || is_one_of(field.name, "From");
		if (!take_recipients || !is_one_of(field.name, "Bcc Resent-Bcc"))
			write_field(m, home, &field);
	}
	if (!has_from)
		write_from(m, sender.len > 0 ? sender : home->sender, name);
	buf_add_str(&m->header, "\r\n");
	return e == ERR_OK && (m->header.failed || m->arena.failed) ? ERR_LIMIT : e;
}
