/* mime/message.c: the streaming parser.
 *
 *   IN_HEADER --empty line, or a line that is no field--> IN_BODY            (a leaf, or a multipart before its first delimiter)
 *   IN_HEADER --the same, of a message/rfc822-->          IN_HEADER          (of the embedded message)
 *   any       --delimiter of an open multipart-->         IN_HEADER          (of its next part; what was open inside is closed)
 *   any       --closing delimiter-->                      IN_BODY            (that multipart's boundary is forgotten)
 *
 * (1) open[0 .. depth-1] are the parts that have begun and not ended, the root first.
 * (2) A line is judged when its end has been seen; only its first LINE_HEAD bytes are kept. So pieces of any size give the same result.
 * (3) With no boundary open nothing of the body matters but its line ends.
 */
#include "daemon/mime/message.h"

#include <stdlib.h>

#include "daemon/mime/address.h"
#include "daemon/mime/date.h"
#include "daemon/mime/envelope.h"
#include "daemon/mime/header.h"
#include "daemon/mime/preview.h"
#include "daemon/mime/refs.h"
#include "daemon/mime/structure.h"

#define BOUNDARY_MAX 200 /* RFC 2046 5.1.1 allows 70; a longer one than this makes a leaf */
#define LINE_HEAD 256
#define STRINGS_MAX (4u * 1024u * 1024u)
#define SCRATCH_MAX (2u * 1024u * 1024u)
#define SUBJECT_MAX 4096 /* raw bytes that are decoded */
#define NAME_MAX_BYTES 1024
#define ENCODING_MAX 64

/* What is known of the name of a field at this point of a line. */
enum name_state { NAME_FIRST,
		  NAME_INSIDE,
		  NAME_BLANKS, /* behind the name, before ':' */
		  NAME_FIELD,  /* a field or its continuation */
		  NAME_NOT };

struct line {
	uint64_t start, len;
	bool dash;  /* begins with '-': may be a delimiter */
	bool dirty; /* something that is no blank behind the head */
	enum name_state name;
	char last; /* byte before what comes */
	size_t head_len;
	char head[LINE_HEAD];
};

struct level {
	uint32_t part, last_child;
	uint64_t lines_at; /* p->lines where its header, then where its body begins */
	bool has_boundary; /* a multipart whose closing delimiter has not been seen */
	uint32_t hash;     /* of the boundary */
};

struct message_parser {
	struct mime_part *parts;
	struct part_text *texts;
	size_t count, room;
	struct level open[MIME_MAX_DEPTH];
	size_t depth, boundaries;
	bool in_header, no_memory, has_nul;
	uint64_t offset, lines; /* bytes and line ends seen */
	uint64_t header_bytes;
	unsigned previous_end; /* 2: the line before ended in CRLF, 1: in LF, 0: there is none */
	struct line line;
	struct buf header;  /* whole lines of the header that is being read */
	size_t header_line; /* where the present line begins in it */
	bool header_cut;
	struct arena strings, scratch;
	struct buf text, envelope, refs;
	struct preview_taker preview;
	struct span subject, message_id, from; /* strings */
	int64_t date_ms;
};

static uint32_t hash_add(uint32_t hash, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ (unsigned char)s.ptr[i]) * 16777619u;
	return hash;
}

static uint32_t hash_of(struct span s)
{
	return hash_add(2166136261u, s);
}

static struct level *innermost(struct message_parser *p)
{
	return &p->open[p->depth - 1];
}

static bool may_nest(const struct message_parser *p)
{
	return p->depth < MIME_MAX_DEPTH && p->count < MIME_MAX_PARTS;
}

static bool grow(struct message_parser *p)
{
	size_t room = p->room ? p->room * 2 : 4;
	struct mime_part *parts;
	struct part_text *texts;

	if (p->count < p->room)
		return true;
	parts = realloc(p->parts, room * sizeof(*parts));
	if (parts)
		p->parts = parts;
	texts = realloc(p->texts, room * sizeof(*texts));
	if (texts)
		p->texts = texts;
	if (!parts || !texts) {
		p->no_memory = true;
		return false;
	}
	p->room = room;
	return true;
}

/* A new part as the last child of the innermost level (the root has none); its header begins at `start`. */
static void open_part(struct message_parser *p, uint64_t start)
{
	uint32_t index = (uint32_t)p->count;
	struct level *parent = p->depth > 0 ? innermost(p) : NULL;

	if (!grow(p))
		return;
	p->parts[index] = (struct mime_part){ .parent = parent ? parent->part : 0, .header_start = start };
	p->texts[index] = (struct part_text){ 0 };
	p->count++;
	if (parent && parent->last_child != 0)
		p->parts[parent->last_child].next_sibling = index;
	else if (parent)
		p->parts[parent->part].first_child = index;
	if (parent)
		parent->last_child = index;
	p->open[p->depth++] = (struct level){ .part = index, .lines_at = p->lines };
	p->in_header = true;
	buf_reset(&p->header);
	p->header.max = index == 0 ? MIME_MAX_HEADER : MIME_MAX_PART_HEADER;
	p->header_line = 0;
	p->header_cut = false;
}

static struct span first_token(struct arena *scratch, struct span raw)
{
	struct param_field field;

	if (!raw.ptr || !param_field_parse(header_unfold(scratch, raw), false, scratch, &field))
		return span_make("", 0);
	return field.type.len > ENCODING_MAX ? span_make("", 0) : field.type;
}

static bool is_encoded(const struct mime_part *part)
{
	return span_iequals(part->encoding, SPAN("base64")) || span_iequals(part->encoding, SPAN("quoted-printable"));
}

/* A leaf when a limit is met, when the boundary can't be used, or when the message inside is encoded (RFC 2046 5.2.1 forbids it). */
static enum mime_kind kind_of(const struct message_parser *p, const struct mime_part *part)
{
	if (!may_nest(p))
		return MIME_LEAF;
	if (span_iequals(part->type, SPAN("multipart")))
		return part->boundary.len > 0 ? MIME_MULTIPART : MIME_LEAF;
	if (!span_iequals(part->type, SPAN("message")) || is_encoded(part))
		return MIME_LEAF;
	return span_iequals(part->subtype, SPAN("rfc822")) || span_iequals(part->subtype, SPAN("global")) ? MIME_MESSAGE : MIME_LEAF;
}

static bool in_digest(const struct message_parser *p, const struct mime_part *part)
{
	const struct mime_part *parent = &p->parts[part->parent];

	return part != parent && parent->kind == MIME_MULTIPART && span_iequals(parent->subtype, SPAN("digest"));
}

static struct span cut(struct span s, size_t max)
{
	return s.len > max ? span_make("", 0) : s;
}

/* Copies what has to outlive the header. */
static struct span keep(struct message_parser *p, struct span s)
{
	struct span copy = s.len > 0 ? arena_copy(&p->strings, s) : s;

	return copy.ptr ? copy : span_make("", 0);
}

/* filename of Content-Disposition, else name of Content-Type. */
static struct span part_name(struct message_parser *p, const struct fields *fields, const struct param_field *type)
{
	struct span raw = fields->raw[FIELD_CONTENT_DISPOSITION], name = { NULL, 0 };
	struct param_field disposition;

	if (raw.ptr && param_field_parse(header_unfold(&p->scratch, raw), false, &p->scratch, &disposition))
		name = param_get(&disposition, SPAN("filename"), &p->scratch);
	if (name.len == 0 && type)
		name = param_get(type, SPAN("name"), &p->scratch);
	return cut(name, NAME_MAX_BYTES);
}

/* RFC 2045 5.2: a type that is missing is the default, one that can't be read is text/plain. */
static void describe_part(struct message_parser *p, const struct fields *fields, struct mime_part *part)
{
	struct span raw = fields->raw[FIELD_CONTENT_TYPE], boundary;
	struct param_field type_field;
	const struct param_field *type = NULL;

	arena_reset(&p->scratch);
	part->type = SPAN("text");
	part->subtype = SPAN("plain");
	part->encoding = keep(p, first_token(&p->scratch, fields->raw[FIELD_CONTENT_TRANSFER_ENCODING]));
	if (raw.ptr && param_field_parse(header_unfold(&p->scratch, raw), true, &p->scratch, &type_field)) {
		type = &type_field;
		part->type = keep(p, type->type);
		part->subtype = keep(p, type->subtype);
		part->charset = keep(p, cut(param_get(type, SPAN("charset"), &p->scratch), ENCODING_MAX));
		boundary = param_get(type, SPAN("boundary"), &p->scratch);
		while (boundary.len > 0 && boundary.ptr[boundary.len - 1] == ' ')
			boundary.len--;
		part->boundary = keep(p, cut(boundary, BOUNDARY_MAX));
	} else if (!raw.ptr && in_digest(p, part)) {
		part->type = SPAN("message");
		part->subtype = SPAN("rfc822");
	}
	part->name = keep(p, part_name(p, fields, type));
	part->kind = kind_of(p, part);
	/* The scratch that `type` points into must stay until its parameters are written. */
	structure_add_part(fields, part, type, &p->scratch, &p->text, &p->texts[part - p->parts]);
}

static struct span message_id_of(struct span value)
{
	size_t open, close;

	if (span_find_char(value, '<', &open) && span_find_char(span_skip(value, open), '>', &close))
		return span_take(span_skip(value, open), close + 1);
	return value;
}

/* "local@domain" of the first address; empty when it holds what no line may hold. */
static void summary_from(struct message_parser *p, struct span raw)
{
	struct header_address *list;
	struct buf text;
	size_t count, i = 0;

	if (address_list_parse(header_unfold(&p->scratch, raw), &p->scratch, &list, &count) != ERR_OK)
		return;
	while (i < count && list[i].local.len == 0)
		i++;
	if (i == count)
		return;
	buf_init(&text, ADDRESS_MAX * 2);
	address_write(&(struct address){ list[i].local, list[i].domain }, &text);
	for (size_t at = 0; at < text.len; at++)
		text.failed = text.failed || (unsigned char)text.ptr[at] < 32 || text.ptr[at] == 127;
	if (!text.failed)
		p->from = keep(p, buf_span(&text));
	buf_clear(&text);
}

/* What lists and traces want of the top header. */
static void summarise(struct message_parser *p, const struct fields *fields)
{
	struct arena *scratch = &p->scratch;
	struct date date;

	arena_reset(scratch);
	if (fields->raw[FIELD_SUBJECT].ptr)
		p->subject = keep(p, header_decode(scratch, header_unfold(scratch, span_take(fields->raw[FIELD_SUBJECT], SUBJECT_MAX))));
	if (fields->raw[FIELD_MESSAGE_ID].ptr)
		p->message_id = keep(p, message_id_of(header_unfold(scratch, span_take(fields->raw[FIELD_MESSAGE_ID], SUBJECT_MAX))));
	if (fields->raw[FIELD_DATE].ptr && date_parse_header(fields->raw[FIELD_DATE], &date) == ERR_OK)
		p->date_ms = date.unix_ms;
	if (fields->raw[FIELD_FROM].ptr)
		summary_from(p, fields->raw[FIELD_FROM]);
	refs_write(fields->raw[FIELD_REFERENCES], fields->raw[FIELD_IN_REPLY_TO], &p->refs);
}

static void add_envelope(struct message_parser *p, const struct fields *fields, uint32_t index)
{
	if (index == 0) {
		envelope_write(fields, &p->scratch, &p->envelope);
		summarise(p, fields);
		return;
	}
	p->texts[index].envelope = (uint32_t)p->text.len;
	envelope_write(fields, &p->scratch, &p->text);
	p->texts[index].envelope_end = (uint32_t)p->text.len;
}

/* The header of the innermost part is complete, its body begins at `start`. */
static void end_header(struct message_parser *p, uint64_t start)
{
	struct level *level = innermost(p);
	struct mime_part *part = &p->parts[level->part];
	struct fields fields;

	if (level->part == 0)
		p->header_bytes = start;
	part->body_start = start;
	part->header_lines = (uint32_t)(p->lines - level->lines_at);
	level->lines_at = p->lines;
	p->in_header = false;
	fields_read(span_take(buf_span(&p->header), p->header_line), &fields);
	describe_part(p, &fields, part);
	if (level->part == 0 || p->parts[part->parent].kind == MIME_MESSAGE)
		add_envelope(p, &fields, level->part);
	preview_taker_begin(&p->preview, part, level->part);
	if (part->kind == MIME_MULTIPART) {
		level->has_boundary = true;
		level->hash = hash_of(part->boundary);
		p->boundaries++;
	} else if (part->kind == MIME_MESSAGE) {
		open_part(p, start);
	}
}

/* Ends a part at `end`. What the header of an inner part has past it (its empty line, when the delimiter that owns that line end follows)
 * is taken off, so that parts lie within their parents. */
static void end_part(struct mime_part *part, uint64_t end, uint32_t body_lines)
{
	if (part->header_start > end)
		part->header_start = end;
	if (part->body_start > end) {
		part->body_start = end;
		part->header_lines -= part->header_lines > 0 ? 1 : 0;
	}
	part->body_end = end;
	part->body_lines = end > part->body_start ? body_lines : 0;
}

/* All levels from `keep_depth` on end at `line`, where a delimiter (or nothing more) begins; the `end_bytes` in front of it are the delimiter's. */
static void close_levels(struct message_parser *p, size_t keep_depth, uint64_t line, unsigned end_bytes)
{
	uint64_t end;

	if (p->depth <= keep_depth)
		return;
	while (p->in_header && !p->no_memory)
		end_header(p, line); /* it may begin an embedded message */
	end = p->parts[p->open[keep_depth].part].body_start;
	if (line - end > end_bytes)
		end = line - end_bytes;
	while (p->depth > keep_depth) {
		struct level *level = innermost(p);

		end_part(&p->parts[level->part], end, (uint32_t)(p->lines - level->lines_at) - (end_bytes > 0 ? 1 : 0));
		preview_taker_end(&p->preview, &p->parts[level->part], level->part);
		p->boundaries -= level->has_boundary ? 1 : 0;
		p->depth--;
	}
}

/* The level whose delimiter the line is, the innermost first: a boundary may be the beginning of another's. */
static bool match_boundary(struct message_parser *p, size_t *level_out, bool *closing_out)
{
	struct span text = span_trim(span_make(p->line.head, p->line.head_len)), shorter;
	uint32_t hash, shorter_hash = 0;
	bool may_close;

	if (p->line.dirty || !span_starts(text, SPAN("--")))
		return false;
	text = span_skip(text, 2);
	may_close = span_ends(text, SPAN("--"));
	shorter = may_close ? span_take(text, text.len - 2) : text;
	hash = hash_of(text);
	if (may_close)
		shorter_hash = hash_of(shorter);
	for (size_t i = p->depth; i-- > 0;) {
		const struct level *level = &p->open[i];

		if (!level->has_boundary)
			continue;
		*level_out = i;
		*closing_out = false;
		if (level->hash == hash && span_equals(text, p->parts[level->part].boundary))
			return true;
		*closing_out = true;
		if (may_close && level->hash == shorter_hash && span_equals(shorter, p->parts[level->part].boundary))
			return true;
	}
	return false;
}

/* The line, just ended, is a delimiter of open[level]. */
static void take_delimiter(struct message_parser *p, size_t level, bool closing, bool ended)
{
	close_levels(p, level + 1, p->line.start, p->previous_end);
	p->lines += ended ? 1 : 0;
	if (p->no_memory)
		return;
	if (closing) {
		p->open[level].has_boundary = false;
		p->boundaries--;
	}
	p->in_header = false;
	if (!closing && may_nest(p))
		open_part(p, p->offset);
}

/* A line within a header. The line end that has just been seen counts where the line is of the header. */
static void take_header_line(struct message_parser *p, bool ended, bool crlf)
{
	if (ended && p->line.len == (crlf ? 2u : 1u)) {
		p->lines++;
		end_header(p, p->offset);
	} else if (p->line.name == NAME_FIELD) {
		p->lines += ended ? 1 : 0;
		p->header_line = p->header.len;
	} else {
		struct span line = span_skip(buf_span(&p->header), p->header_line);

		/* No field: the body begins with it, and that of an embedded message too. */
		while (p->in_header && !p->no_memory)
			end_header(p, p->line.start);
		preview_taker_feed(&p->preview, line);
		p->lines += ended ? 1 : 0;
	}
}

/* `ended`: by a line end, not by the end of the message. */
static void take_line(struct message_parser *p, bool ended, bool crlf)
{
	size_t level;
	bool closing;

	if (p->line.dash && p->boundaries > 0 && match_boundary(p, &level, &closing))
		take_delimiter(p, level, closing, ended);
	else if (p->in_header)
		take_header_line(p, ended, crlf);
	else
		p->lines += ended ? 1 : 0;
	p->previous_end = crlf ? 2 : 1;
	p->line.len = 0;
}

/* The same rule as header_next(): 1*ftext, blanks, ':'; or a blank first, behind a field. */
static void judge_name(struct line *line, struct span s, bool behind_field)
{
	for (size_t i = 0; i < s.len && line->name < NAME_FIELD; i++) {
		char c = s.ptr[i];
		bool blank = c == ' ' || c == '\t';

		if (line->name == NAME_FIRST && blank)
			line->name = behind_field ? NAME_FIELD : NAME_NOT;
		else if (c == ':')
			line->name = line->name == NAME_FIRST ? NAME_NOT : NAME_FIELD;
		else if (blank)
			line->name = NAME_BLANKS;
		else
			line->name = line->name != NAME_BLANKS && c > 32 && c < 127 ? NAME_INSIDE : NAME_NOT;
	}
}

static void add_to_header(struct message_parser *p, struct span s)
{
	if (p->header_cut)
		return;
	buf_add(&p->header, s);
	if (p->header.failed) {
		p->header_cut = true;
		p->header.len = p->header_line;
	}
}

static void add_to_head(struct line *line, struct span s)
{
	struct span fits = span_take(s, LINE_HEAD - line->head_len);

	memcpy(line->head + line->head_len, fits.ptr, fits.len);
	line->head_len += fits.len;
	if (!line->dirty)
		line->dirty = span_trim(span_skip(s, fits.len)).len > 0;
}

/* A piece of one line, up to its end at most. */
static void take_piece(struct message_parser *p, struct span s)
{
	struct line *line = &p->line;

	if (line->len == 0) {
		line->start = p->offset;
		line->dash = s.ptr[0] == '-';
		line->dirty = false;
		line->name = NAME_FIRST;
		line->head_len = 0;
	}
	if (line->dash && p->boundaries > 0)
		add_to_head(line, s);
	if (p->in_header) {
		/* header_cut: the field before was dropped, its continuation goes the same way. */
		judge_name(line, s, p->header_line > 0 || p->header_cut);
		add_to_header(p, s);
	} else {
		preview_taker_feed(&p->preview, s);
	}
	line->len += s.len;
	p->offset += s.len;
}

static uint64_t count_lines(struct span s)
{
	uint64_t count = 0;
	const char *at = s.ptr, *end = s.ptr + s.len;

	while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		count++;
		at++;
	}
	return count;
}

void message_parser_feed(struct message_parser *p, struct span bytes)
{
	p->has_nul = p->has_nul || (bytes.len > 0 && memchr(bytes.ptr, 0, bytes.len));
	while (bytes.len > 0 && !p->no_memory) {
		const char *end;
		size_t len;
		bool crlf;

		if (!p->in_header && p->boundaries == 0) {
			p->lines += count_lines(bytes);
			preview_taker_feed(&p->preview, bytes);
			p->offset += bytes.len;
			return;
		}
		end = memchr(bytes.ptr, '\n', bytes.len);
		len = end ? (size_t)(end - bytes.ptr) + 1 : bytes.len;
		crlf = end && (len > 1 ? end[-1] : p->line.last) == '\r' && p->line.len + len > 1;
		take_piece(p, span_take(bytes, len));
		p->line.last = bytes.ptr[len - 1];
		if (end)
			take_line(p, true, crlf);
		bytes = span_skip(bytes, len);
	}
}

enum err message_parser_begin(struct message_parser **out)
{
	struct message_parser *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (!p)
		return ERR_TEMP;
	arena_init(&p->strings, STRINGS_MAX);
	arena_init(&p->scratch, SCRATCH_MAX);
	buf_init(&p->header, MIME_MAX_HEADER);
	buf_init(&p->text, STRUCTURE_MAX);
	buf_init(&p->envelope, STRUCTURE_MAX);
	buf_init(&p->refs, MIME_REFS_MAX * (REFS_ID_MAX + 1));
	preview_taker_init(&p->preview);
	open_part(p, 0);
	*out = p;
	if (p->no_memory) {
		message_parser_end(out);
		return ERR_TEMP;
	}
	return ERR_OK;
}

void message_parser_end(struct message_parser **p)
{
	if (!*p)
		return;
	free((*p)->parts);
	free((*p)->texts);
	arena_clear(&(*p)->strings);
	arena_clear(&(*p)->scratch);
	buf_clear(&(*p)->header);
	buf_clear(&(*p)->text);
	buf_clear(&(*p)->envelope);
	buf_clear(&(*p)->refs);
	preview_taker_clear(&(*p)->preview);
	free(*p);
	*p = NULL;
}

/* A multipart without a part (no delimiter came): its grammar asks for one, so it gets an empty one at its end; a leaf when there is no room. */
static void fill_empty(struct message_parser *p)
{
	const struct fields none = { { { NULL, 0 } } };
	size_t count = p->count;

	for (size_t i = 0; i < count && !p->no_memory; i++) {
		struct mime_part *child;

		if (p->parts[i].kind != MIME_MULTIPART || p->parts[i].first_child != 0)
			continue;
		if (p->count == MIME_MAX_PARTS) {
			p->parts[i].kind = MIME_LEAF;
			continue;
		}
		if (!grow(p))
			return;
		child = &p->parts[p->count];
		*child = (struct mime_part){ .parent = (uint32_t)i, .type = SPAN("text"), .subtype = SPAN("plain") };
		child->header_start = child->body_start = child->body_end = p->parts[i].body_end;
		p->parts[i].first_child = (uint32_t)p->count;
		structure_add_part(&none, child, NULL, &p->scratch, &p->text, &p->texts[p->count]);
		p->count++;
	}
}

/* Offsets from the first byte behind the top header. */
static void copy_parts(const struct message_parser *p, struct arena *a, struct mime_message *out)
{
	uint64_t base = p->header_bytes;

	out->count = p->count;
	out->parts = arena_array(a, p->count, sizeof(*out->parts));
	for (size_t i = 0; out->parts && i < p->count; i++) {
		struct mime_part *part = &out->parts[i];
		struct span *words[] = { &part->type, &part->subtype, &part->charset, &part->boundary, &part->name, &part->encoding };

		*part = p->parts[i];
		part->header_start -= i == 0 ? 0 : base;
		part->body_start -= base;
		part->body_end -= base;
		for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
			*words[w] = words[w]->len > 0 ? arena_copy(a, *words[w]) : span_make("", 0);
	}
}

static struct span write_structure(struct message_parser *p, bool extended, struct arena *a)
{
	struct buf out;
	struct span result;

	buf_init(&out, STRUCTURE_MAX);
	if (p->text.failed || !structure_write(p->parts, p->texts, buf_span(&p->text), extended, &out)) {
		buf_reset(&out);
		structure_write_opaque(p->offset - p->header_bytes, extended, &out);
	}
	result = arena_copy(a, buf_span(&out));
	buf_clear(&out);
	return result;
}

enum err message_parser_finish(struct message_parser *p, struct arena *a, struct mime_message *out)
{
	*out = (struct mime_message){ 0 };
	if (p->line.len > 0)
		take_line(p, false, false);
	close_levels(p, 0, p->offset, 0);
	fill_empty(p);
	if (p->no_memory)
		return ERR_TEMP;
	copy_parts(p, a, out);
	out->size_bytes = p->offset;
	out->header_bytes = p->header_bytes;
	out->has_nul = p->has_nul;
	out->envelope = arena_copy(a, p->envelope.failed ? SPAN("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)") : buf_span(&p->envelope));
	out->body_structure = write_structure(p, true, a);
	out->body = write_structure(p, false, a);
	out->subject = arena_copy(a, p->subject);
	out->message_id = arena_copy(a, p->message_id);
	out->from = arena_copy(a, p->from);
	out->preview = arena_copy(a, buf_span(&p->preview.text));
	out->refs = arena_copy(a, buf_span(&p->refs));
	out->date_ms = p->date_ms;
	return a->failed ? ERR_LIMIT : ERR_OK;
}
