/* imap/cmd_urlauth.c: GENURLAUTH and RESETKEY (RFC 4467 7). */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_url.h"
#include "daemon/imap/url_auth.h"
#include "daemon/imap/url_place.h"

struct signing {
	size_t at;
	struct span urls[IMAP_URLS_MAX];
};

/* ERR_SYNTAX, ERR_NOT_FOUND: it can't be signed (RFC 4467 7: BAD). Whether those exist who are to use it is not asked. */
static enum err sign(struct imap_session *s, const struct url_request *r, struct span *out)
{
	struct url_place place = { .m = NULL };
	struct imap_url url;
	enum err e = imap_url_parse(r->url, &s->run.arena, &url);

	if (!e && (url.access == URL_ACCESS_NONE || url.token.len || !span_iequals(r->mechanism, URL_MECHANISM)))
		e = ERR_SYNTAX;
	if (!e)
		e = url_place_open(s, &url, &place); /* it is unsigned: of this account, or of one whose keys are not ours to use */
	if (!e && place.owner != s->account_id)
		e = ERR_NOT_FOUND;
	if (!e)
		e = url_auth_sign(s, place.mailbox_id, &url, &s->run.arena, out);
	url_place_close(s, &place);
	return e;
}

static enum step signed_all(struct imap_session *s, const struct signing *w, struct out *out)
{
	reply_add(out, SPAN("* GENURLAUTH"));
	for (size_t i = 0; i < w->at; i++) {
		reply_add(out, SPAN(" "));
		reply_url(out, w->urls[i]);
	}
	reply_add(out, SPAN("\r\n"));
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

/* All or nothing. A mailbox's first URL waits for its key to be on the disk. */
static enum step sign_more(struct imap_session *s, struct out *out)
{
	const int64_t start_us = clock_mono_us();
	const union imap_args *args = &s->run.args;
	struct signing *w = s->run.work;

	while (w->at < args->urls.count) {
		const struct url_request *r = &args->urls.list[w->at];
		enum err e = sign(s, r, &w->urls[w->at]);

		if (e == ERR_SYNTAX || e == ERR_NOT_FOUND)
			return imap_finish(s, out, IMAP_BAD, url_place_bad(s, r->url, "This can't be signed"));
		if (e)
			return imap_finish_err(s, out, e, SPAN(""));
		w->at++;
		if (clock_mono_us() - start_us > IMAP_TURN_US) {
			imap_in_progress(s, out, w->at, args->urls.count);
			return STEP_MORE;
		}
	}
	return signed_all(s, w, out);
}

enum step imap_run_genurlauth(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct signing *w = arena_alloc(&s->run.arena, sizeof *w);

	(void)args;
	if (!w)
		return imap_finish_err(s, out, ERR_LIMIT, SPAN(""));
	w->at = 0;
	s->run.work = w;
	s->run.more = sign_more;
	return sign_more(s, out);
}

/* What is signed with the old key is void from here on; the new one is made when it is needed. */
enum step imap_run_resetkey(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct imap_place place = { .owner = s->account_id, .store = s->store };
	enum err e = args->resetkey.all ? ERR_OK : imap_place_find(s, args->resetkey.name, RIGHT_LOOKUP, &place);

	if (args->resetkey.unknown)
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] There is no such mechanism here"));
	if (!e && place.owner != s->account_id) /* the owner's keys */
		e = ERR_DENIED;
	if (!e)
		e = s->service->url_key_remove(place.store, place.mailbox.id);
	if (!e && s->view && s->at.owner == place.owner && (!place.mailbox.id || place.mailbox.id == s->at.mailbox.id))
		reply_ok_code(out, SPAN("[URLMECH INTERNAL] The key is a new one")); /* RFC 4467 7 */
	return imap_finish_err(s, out, e, args->resetkey.all ? SPAN("All keys are removed") : SPAN("[URLMECH INTERNAL] The key is a new one"));
}
