/* imap/cmd_metadata.c: GETMETADATA and SETMETADATA (RFC 5464 4.2, 4.3), of mailboxes and, for the name "", of the account and the server.
 *
 * /private is what the session's account has noted for itself, also on mailboxes of others; /shared is everybody's. Of the server /shared/comment and
 * /shared/admin are known: settings, which nobody changes from here. /private/specialuse of an own mailbox is its special use (RFC 6154 4).
 */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/metadata.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply_metadata.h"
#include "daemon/imap/special_use.h"

#define TEXT_OF_(number) #number
#define TEXT_OF(number) TEXT_OF_(number)

struct get_work {
	struct mailstore *store;
	uint64_t mailbox_id;
	struct span use;   /* /private/specialuse; ptr null: none */
	struct span shown; /* the mailbox's name */
	size_t at;         /* entry */
	struct span after; /* of it: told up to here */
	bool found;        /* of it: something, told or too long */
	uint64_t longest;  /* value that was too long; 0: none */
};

struct get_turn {
	struct imap_session *s;
	struct get_work *w;
	struct out *out;
	bool in_line, full;
};

static bool is_server(const union imap_args *args)
{
	return !args->metadata.name.len;
}

/* The place, or "" with the account's own store. */
static enum err find(struct imap_session *s, const union imap_args *args, bool change_shared, struct imap_place *out)
{
	enum err e;

	*out = (struct imap_place){ .owner = s->account_id, .store = s->store, .rights = RIGHT_ALL };
	if (is_server(args))
		return ERR_OK;
	e = imap_place_find(s, args->metadata.name, RIGHT_LOOKUP, out);
	return e || imap_metadata_may(out->rights, change_shared) ? e : ERR_DENIED;
}

static bool is_within(enum metadata_depth depth, struct span top, struct span entry)
{
	size_t at;

	switch (depth) {
	case METADATA_ITSELF: return entry.len == top.len;
	case METADATA_ONE_BELOW: return entry.len == top.len || !span_find_char(span_skip(entry, top.len + 1), '/', &at);
	case METADATA_ALL_BELOW: return true;
	}
	return false;
}

static void tell(struct get_turn *t, struct span entry, struct span value)
{
	const struct metadata_entry *asked = &t->s->run.args.metadata.entries[t->w->at];

	if (!t->in_line)
		reply_metadata_begin(t->s, t->out, t->w->shown);
	reply_metadata_value(t->out, !t->in_line, asked->written, span_skip(entry, asked->entry.len), value);
	t->in_line = true;
}

/* One that is at the entry or below it. */
static void look_at(struct get_turn *t, struct span entry, struct span value)
{
	const union imap_args *args = &t->s->run.args;
	struct get_work *w = t->w;

	if (!is_within(args->metadata.depth, args->metadata.entries[w->at].entry, entry))
		return;
	w->found = true;
	if (!args->metadata.has_max || value.len <= args->metadata.max_size)
		tell(t, entry, value);
	else if (value.len > w->longest)
		w->longest = value.len;
}

static bool each(void *arg, struct span entry, struct span value)
{
	struct get_turn *t = arg;

	look_at(t, entry, value);
	t->full = out_is_full(t->out);
	if (t->full)
		t->w->after = arena_copy(&t->s->run.arena, entry);
	return !t->full && t->s->run.args.metadata.depth != METADATA_ITSELF;
}

static void look_at_server(struct get_turn *t)
{
	const struct span top = t->s->run.args.metadata.entries[t->w->at].entry;
	struct span values[2];
	static const struct span names[] = { SPAN("/admin"), SPAN("/comment") };

	t->s->service->server_notes(t->s->ctx, &t->s->run.arena, &values[1], &values[0]);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (values[i].ptr && (!top.len || span_equals(top, names[i])))
			look_at(t, names[i], values[i]);
}

/* All of the entry. */
static enum err get_one(struct get_turn *t)
{
	const union imap_args *args = &t->s->run.args;
	const struct metadata_entry *asked = &args->metadata.entries[t->w->at];
	enum err e = ERR_OK;

	if (is_server(args) && !asked->is_private)
		look_at_server(t);
	else if (asked->is_private && !t->w->after.len && t->w->use.ptr && (!asked->entry.len || imap_metadata_is_use(asked)))
		look_at(t, ANNOTATION_USE, t->w->use);
	if (!is_server(args) || asked->is_private)
		e = t->s->service->annotation_each(t->w->store, t->w->mailbox_id, imap_metadata_reader(t->s, asked), asked->entry, t->w->after, each, t);
	if (e || t->full)
		return e;
	if (!t->w->found && args->metadata.depth == METADATA_ITSELF)
		tell(t, asked->entry, span_make(NULL, 0));
	t->w->at++;
	t->w->after = SPAN("");
	t->w->found = false;
	return ERR_OK;
}

static enum step get_more(struct imap_session *s, struct out *out)
{
	struct get_work *w = s->run.work;
	struct get_turn t = { .s = s, .w = w, .out = out };
	const int64_t start_us = clock_mono_us();
	const size_t count = s->run.args.metadata.count;
	enum err e = ERR_OK;

	while (!e && w->at < count && !t.full && !out_is_full(out) && clock_mono_us() - start_us <= IMAP_TURN_US)
		e = get_one(&t);
	if (t.in_line)
		reply_metadata_end(out);
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	if (w->at < count)
		return STEP_MORE;
	return imap_finish(s, out, IMAP_OK,
			   w->longest ? arena_printf(&s->run.arena, "[METADATA LONGENTRIES %llu] Done", (unsigned long long)w->longest) : SPAN("Done"));
}

enum step imap_run_getmetadata(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct get_work *w = arena_alloc(&s->run.arena, sizeof *w);
	struct mailbox_info shown = { .name = SPAN("") };
	struct imap_place place;
	enum err e = find(s, args, false, &place);

	if (!e && !is_server(args))
		e = place.mailbox.exists ? imap_place_shown(s, &place, &shown) : ERR_NOT_FOUND;
	if (e || !w)
		return imap_finish_err(s, out, e ? e : ERR_TEMP, SPAN(""));
	*w = (struct get_work){ .store = place.store, .mailbox_id = place.mailbox.id, .use = imap_metadata_use_of(s, &place), .shown = shown.name, .after = SPAN("") };
	s->run.work = w;
	s->run.more = get_more;
	return get_more(s, out);
}

/* ---- SETMETADATA ---- */

/* Null: the values can be taken as far as their sizes go. */
static const char *hindrance(const union imap_args *args)
{
	for (size_t i = 0; i < args->metadata.count; i++)
		if (args->metadata.entries[i].value.len > ANNOTATION_VALUE_MAX)
			return "[METADATA MAXSIZE " TEXT_OF(ANNOTATION_VALUE_MAX) "] A value is too long";
	return args->metadata.count > ANNOTATION_ENTRIES_MAX ? "[METADATA TOOMANY] Too many entries" : NULL;
}

/* Special uses between spaces, of which a mailbox has one. NIL or nothing: none. */
static bool read_use(struct span value, enum special_use *out)
{
	struct span word;

	*out = USE_NONE;
	while (value.len && span_split(&value, ' ', &word)) {
		const enum special_use use = span_starts(word, SPAN("\\")) ? special_use_find(span_skip(word, 1)) : USE_NONE;

		if (use == USE_NONE || (*out != USE_NONE && *out != use))
			return false;
		*out = use;
	}
	return true;
}

/* One that an own mailbox can have; INBOX none. */
static bool is_possible_use(const struct imap_session *s, const struct imap_place *place, struct span value)
{
	enum special_use use;

	return place->owner == s->account_id && read_use(value, &use) && (use == USE_NONE || !span_equals(place->mailbox.name, SPAN("INBOX")));
}

static bool sets_impossible_use(const struct imap_session *s, const union imap_args *args, const struct imap_place *place)
{
	for (size_t i = 0; !is_server(args) && i < args->metadata.count; i++)
		if (imap_metadata_is_use(&args->metadata.entries[i]) && !is_possible_use(s, place, args->metadata.entries[i].value))
			return true;
	return false;
}

static bool has_shared(const union imap_args *args)
{
	for (size_t i = 0; i < args->metadata.count; i++)
		if (!args->metadata.entries[i].is_private)
			return true;
	return false;
}

static enum err set(struct imap_session *s, const union imap_args *args, const struct imap_place *place)
{
	struct annotation *list = arena_array(&s->run.arena, args->metadata.count, sizeof *list);

	if (!list)
		return ERR_TEMP;
	for (size_t i = 0; i < args->metadata.count; i++) {
		const struct metadata_entry *entry = &args->metadata.entries[i];

		list[i] = (struct annotation){ .reader = imap_metadata_reader(s, entry), .entry = entry->entry, .value = entry->value, .removed = !entry->value.ptr };
		list[i].is_use = !is_server(args) && imap_metadata_is_use(entry);
		if (list[i].is_use && !read_use(entry->value, &list[i].use)) /* which was looked at before */
			return ERR_SYNTAX;
	}
	return s->service->annotation_set(place->store, place->mailbox.id, list, args->metadata.count, s);
}

enum step imap_run_setmetadata(struct imap_session *s, const union imap_args *args, struct out *out)
{
	const char *why = hindrance(args);
	struct imap_place place;
	enum err e = find(s, args, has_shared(args), &place);

	if (!e && !is_server(args) && !place.mailbox.exists)
		e = ERR_NOT_FOUND;
	if (!e && is_server(args) && has_shared(args))
		return imap_finish(s, out, IMAP_NO, SPAN("[NOPERM] What the server says of itself is set by its administrators"));
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	if (why)
		return imap_finish(s, out, IMAP_NO, span_str(why));
	if (sets_impossible_use(s, args, &place))
		return imap_finish(s, out, IMAP_NO, SPAN("[USEATTR] Not a use that the mailbox can have"));
	e = set(s, args, &place);
	if (e == ERR_LIMIT)
		return imap_finish(s, out, IMAP_NO, SPAN("[METADATA TOOMANY] There is no room for more"));
	return imap_finish_err(s, out, e, SPAN("Done"));
}
