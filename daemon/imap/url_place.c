/* imap/url_place.c: see the header. */
#include "daemon/imap/url_place.h"

#include "daemon/imap/commands.h"
#include "daemon/imap/place.h"
#include "daemon/imap/url_auth.h"

#define URL_SHOWN_MAX 1000

/* url-resp-text = 1*<any TEXT-CHAR except "]">; without what is none. An empty URL can't be named so. */
struct span url_place_bad(struct imap_session *s, struct span url, const char *words)
{
	struct span text = arena_copy(&s->run.arena, span_take(url, URL_SHOWN_MAX));
	char *to = (char *)text.ptr;

	if (!text.len)
		return span_str(words);
	for (size_t i = 0; i < text.len; i++) {
		if (to[i] < 0x20 || to[i] == 0x7f || to[i] == ']')
			to[i] = '?';
	}
	return arena_printf(&s->run.arena, "[BADURL %.*s] %s", (int)text.len, text.ptr, words);
}

enum err url_place_item(const struct imap_url *url, struct arena *a, struct fetch_item *out)
{
	union imap_args args = { .fetch = { .count = 0 } };
	struct imap_parser p = { .arena = a };
	enum err e;

	p.rest = url->is_partial && url->length ? arena_printf(a, " 1 BODY.PEEK[%.*s]<%u.%u>", (int)url->section.len, url->section.ptr, url->offset, url->length)
						: arena_printf(a, " 1 BODY.PEEK[%.*s]", (int)url->section.len, url->section.ptr);
	e = p.rest.ptr ? imap_parse_fetch(&p, &args) : ERR_LIMIT;
	if (e || p.rest.len || args.fetch.count != 1 || args.fetch.items[0].kind != FETCH_SECTION)
		return e == ERR_LIMIT ? e : ERR_SYNTAX;
	*out = args.fetch.items[0];
	out->label = SPAN("");
	return ERR_OK;
}

/* In the session's own account or what is shared with it, or in the mailbox that is selected (RFC 4469 3). */
static enum err find_own(struct imap_session *s, const struct imap_url *url, struct url_place *out)
{
	struct imap_place place;
	uint64_t account_id;
	enum err e;

	if (url->has_host && (s->service->find_login(s->ctx, url->user, url->host, &account_id) || account_id != s->account_id))
		return ERR_NOT_FOUND;
	if (!url->has_mailbox) {
		out->m = s->at.store;
		out->owner = s->at.owner;
		out->mailbox_id = s->view ? s->at.mailbox.id : 0;
		return s->view ? ERR_OK : ERR_NOT_FOUND;
	}
	e = imap_place_find(s, url->mailbox, RIGHT_READ, &place);
	if (!e && url->uid_validity && url->uid_validity != place.mailbox.uid_validity)
		e = ERR_NOT_FOUND;
	out->m = place.store;
	out->owner = place.owner;
	out->mailbox_id = e ? 0 : place.mailbox.id;
	return e == ERR_DENIED ? ERR_NOT_FOUND : e;
}

/* A mailbox that is not there is asked for its key all the same: the answer takes as long as that to a wrong token. */
static enum err find_signed(struct imap_session *s, const struct imap_url *url, struct url_place *out)
{
	struct mailbox_info m = { .id = 0 };
	uint64_t account_id;
	enum err e, verified;

	if (!url_auth_is_open(s, url) || !imap_has(s, CAP_URLAUTH) || s->service->find_login(s->ctx, url->user, url->host, &account_id))
		return ERR_NOT_FOUND;
	out->is_other = account_id != s->account_id;
	out->m = s->store;
	e = out->is_other ? s->service->url_open(s->ctx, account_id, &out->m) : ERR_OK;
	if (e) {
		out->is_other = false;
		return e;
	}
	e = s->service->find(out->m, url->mailbox, &s->run.arena, &m);
	if (!e && (!m.exists || (url->uid_validity && url->uid_validity != m.uid_validity)))
		e = ERR_NOT_FOUND;
	verified = url_auth_verify(s, out->m, e ? 0 : m.id, url);
	out->mailbox_id = m.id;
	return e ? e : verified;
}

enum err url_place_open(struct imap_session *s, const struct imap_url *url, struct url_place *out)
{
	enum err e;

	*out = (struct url_place){ .m = NULL };
	e = url->token.len ? find_signed(s, url, out) : find_own(s, url, out);
	if (e)
		url_place_close(s, out);
	return e;
}

void url_place_close(const struct imap_session *s, struct url_place *p)
{
	if (p->is_other)
		s->service->url_close(&p->m);
	*p = (struct url_place){ .m = NULL };
}

struct showing {
	bool (*each)(void *arg, const struct message_row *row);
	void *arg;
	bool found;
};

static bool show(void *arg, const struct message_row *row)
{
	struct showing *w = arg;

	w->found = true;
	(void)w->each(w->arg, row);
	return false;
}

enum err url_place_read(const struct imap_session *s, const struct url_place *p, uint32_t uid, unsigned want,
			bool (*each)(void *arg, const struct message_row *row), void *arg)
{
	const struct uid_set set = { &(struct uid_range){ uid, uid }, 1 };
	struct showing w = { each, arg, false };
	struct view *v = NULL;
	uint32_t last;
	bool end;
	enum err e = s->service->view_open_readonly(p->m, p->mailbox_id, 0, &v);

	if (!e)
		e = s->service->view_read(v, &set, 0, want, show, &w, &last, &end);
	if (v)
		s->service->view_close(&v);
	return !e && !w.found ? ERR_NOT_FOUND : e;
}
