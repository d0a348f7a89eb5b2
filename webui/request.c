/* webui/request.c: header fields to values. */
#include "webui/request.h"

#include <microhttpd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/directory/directory.h"
#include "webui/browser.h"
#include "webui/forwarded.h"
#include "webui/negotiate.h"

enum raw {
	RAW_HOST,
	RAW_CONTENT_LENGTH,
	RAW_TRANSFER_ENCODING,
	RAW_CONTENT_TYPE,
	RAW_CONTENT_ENCODING,
	RAW_ACCEPT,
	RAW_ACCEPT_ENCODING,
	RAW_AUTHORIZATION,
	RAW_COOKIE,
	RAW_CSRF,
	RAW_ORIGIN,
	RAW_FETCH_SITE,
	RAW_IF_MATCH,
	RAW_IF_NONE_MATCH,
	RAW_IDEMPOTENCY_KEY,
	RAW_LAST_EVENT_ID,
	RAW_USER_AGENT,
	RAW_FORWARDED_FOR,
	RAW_FORWARDED_PROTO,
	RAW_COUNT
};

static const struct {
	const char *name;
	size_t length;
} raw_names[RAW_COUNT] = {
#define NAMED(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}
	[RAW_HOST] = NAMED("host"),
	[RAW_CONTENT_LENGTH] = NAMED("content-length"),
	[RAW_TRANSFER_ENCODING] = NAMED("transfer-encoding"),
	[RAW_CONTENT_TYPE] = NAMED("content-type"),
	[RAW_CONTENT_ENCODING] = NAMED("content-encoding"),
	[RAW_ACCEPT] = NAMED("accept"),
	[RAW_ACCEPT_ENCODING] = NAMED("accept-encoding"),
	[RAW_AUTHORIZATION] = NAMED("authorization"),
	[RAW_COOKIE] = NAMED("cookie"),
	[RAW_CSRF] = NAMED("x-csrf-token"),
	[RAW_ORIGIN] = NAMED("origin"),
	[RAW_FETCH_SITE] = NAMED("sec-fetch-site"),
	[RAW_IF_MATCH] = NAMED("if-match"),
	[RAW_IF_NONE_MATCH] = NAMED("if-none-match"),
	[RAW_IDEMPOTENCY_KEY] = NAMED("idempotency-key"),
	[RAW_LAST_EVENT_ID] = NAMED("last-event-id"),
	[RAW_USER_AGENT] = NAMED("user-agent"),
	[RAW_FORWARDED_FOR] = NAMED("x-forwarded-for"),
	[RAW_FORWARDED_PROTO] = NAMED("x-forwarded-proto"),
#undef NAMED
};

struct fields {
	struct arena *arena;
	struct span values[RAW_COUNT];
};

/* A list may come in several fields (RFC 9110 5.3); what stands once was counted by head_check(). */
static enum MHD_Result take_field(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value, size_t value_len)
{
	struct fields *f = arg;
	struct span key = span_make(name, name_len), text = span_make(value ? value : "", value_len);

	(void)kind;
	for (unsigned i = 0; i < RAW_COUNT; i++) {
		if (raw_names[i].length != key.len || !span_iequals(key, span_make(raw_names[i].name, raw_names[i].length)))
			continue;
		if (f->values[i].ptr)
			text = arena_printf(f->arena, "%.*s, %.*s", (int)f->values[i].len, f->values[i].ptr, (int)text.len, text.ptr);
		f->values[i] = text;
		break;
	}
	return MHD_YES;
}

/* pump and server_add() wrote how it came in into the address. */
static void read_entrance(struct request *r, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (info && info->client_addr && info->client_addr->sa_family == AF_UNIX)
		memcpy(&r->entrance, ((const struct sockaddr_un *)info->client_addr)->sun_path, sizeof r->entrance);
}

static bool is_proxied(const struct request *r, const struct request_rules *rules)
{
	return !r->entrance.is_local && net_cidrs_have(rules->proxies, rules->proxy_count, &r->entrance.from);
}

static void read_peer(struct request *r, const struct fields *f, const struct request_rules *rules)
{
	r->api.peer = r->entrance.from;
	r->secure = r->entrance.secure || r->entrance.is_local;
	if (!is_proxied(r, rules))
		return;
	r->api.peer = forwarded_client(&r->entrance.from, f->values[RAW_FORWARDED_FOR], rules->proxies, rules->proxy_count);
	if (f->values[RAW_FORWARDED_PROTO].len > 0 && !r->entrance.secure)
		r->secure = span_iequals(f->values[RAW_FORWARDED_PROTO], SPAN("https"));
}

/* Without a Host (HTTP/1.0, so no browser) the name is the configured one. */
static void read_host(struct request *r, struct span text, const struct request_rules *rules)
{
	const struct snapshot *s = rules->api ? directory_hold(rules->api->directory) : NULL;
	struct host_rules ours = { .local = r->entrance.local };
	bool fine;

	if (s) {
		ours.hostname = snapshot_hostname(s);
		ours.domain_count = snapshot_domains(s, &ours.domains);
	}
	if (!text.ptr || r->entrance.is_local)
		text = arena_copy(&r->arena, ours.hostname);
	fine = text.len > 0 && host_parse(text, &r->host) == ERR_OK && (r->entrance.is_local || !s || host_is_ours(&r->host, &ours));
	if (!fine && s)
		r->fault = REQUEST_MISDIRECTED;
	else
		r->api.origin = arena_printf(&r->arena, "%s://%.*s", r->secure ? "https" : "http", (int)text.len, text.ptr);
	snapshot_release(&s);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * 0x100000001b3ull;
	return hash;
}

/* With a seed that nobody outside knows: who could choose to collide would hold up somebody else. */
static uint64_t caller_key(const struct request *r, uint64_t seed)
{
	const struct net_addr *a = &r->api.peer;
	uint64_t hash = mix(0xcbf29ce484222325ull, &seed, sizeof seed);

	if (r->entrance.is_local)
		hash = mix(hash, &r->entrance.uid, sizeof r->entrance.uid);
	else if (r->api.authorization.len > 0)
		hash = mix(hash, r->api.authorization.ptr, r->api.authorization.len);
	else if (r->api.cookie.len > 0)
		hash = mix(hash, r->api.cookie.ptr, r->api.cookie.len);
	else
		hash = mix(hash, a->ip, a->family == NET_IPV6 ? 8 : 4); /* a /64 is one customer */
	return mix(hash, &seed, sizeof seed);
}

static void fill_api(struct request *r, const struct fields *f, const char *method)
{
	struct api_request *a = &r->api;
	struct span target = r->target;
	struct browser_finding site = browser_site(f->values[RAW_ORIGIN], f->values[RAW_FETCH_SITE], a->origin);
	bool tag_known = false, other_known = false;

	r->method = a->method = span_str(method);
	a->path = target;
	if (span_split(&target, '?', &a->path))
		a->query = target;
	a->content_type = f->values[RAW_CONTENT_TYPE];
	a->accept = f->values[RAW_ACCEPT];
	a->upload_fd = -1;
	a->authorization = f->values[RAW_AUTHORIZATION];
	a->cookie = browser_cookie(f->values[RAW_COOKIE]);
	a->csrf = f->values[RAW_CSRF];
	a->cross_site = site.cross_site;
	a->same_site_seen = site.same_site;
	a->if_match = etags_plain(&r->arena, f->values[RAW_IF_MATCH], &other_known);
	a->if_none_match = etags_plain(&r->arena, f->values[RAW_IF_NONE_MATCH], &tag_known);
	a->idempotency_key = f->values[RAW_IDEMPOTENCY_KEY];
	a->last_event_id = f->values[RAW_LAST_EVENT_ID];
	a->user_agent = f->values[RAW_USER_AGENT];
	a->request_id = span_str(r->id.text);
	r->knows_gzip = tag_known;
	if (r->entrance.is_local) {
		a->caller = API_LOCAL_OWNER;
		a->local_name = arena_printf(&r->arena, "uid %u", r->entrance.uid);
	}
}

enum err request_init(struct request *r, const char *target)
{
	*r = (struct request){ .id = request_id_new() };
	arena_init(&r->arena, REQUEST_ARENA_MAX);
	r->target = arena_copy(&r->arena, span_str(target));
	return r->arena.failed ? ERR_TEMP : ERR_OK;
}

void request_read(struct request *r, struct MHD_Connection *c, const char *method, const struct request_rules *rules)
{
	struct fields f = { .arena = &r->arena };

	MHD_get_connection_values_n(c, MHD_HEADER_KIND, take_field, &f);
	read_entrance(r, c);
	read_peer(r, &f, rules);
	read_host(r, f.values[RAW_HOST], rules);
	fill_api(r, &f, method);
	r->accept_encoding = f.values[RAW_ACCEPT_ENCODING];
	r->caller_key = caller_key(r, rules->seed);
	if (span_to_u64(f.values[RAW_CONTENT_LENGTH], UINT64_MAX, &r->content_length) != ERR_OK)
		r->content_length = 0;
	r->has_body = r->content_length > 0 || f.values[RAW_TRANSFER_ENCODING].len > 0;
	if (r->fault == REQUEST_FINE && f.values[RAW_CONTENT_ENCODING].len > 0 && !span_iequals(f.values[RAW_CONTENT_ENCODING], SPAN("identity")))
		r->fault = REQUEST_CODED;
}

void request_clear(struct request *r)
{
	arena_clear(&r->arena);
	*r = (struct request){ 0 };
}

bool request_is_read(const struct request *r)
{
	return span_equals(r->api.method, SPAN("GET")) || span_equals(r->api.method, SPAN("HEAD"));
}

const char *request_caller(const struct request *r)
{
	if (r->entrance.is_local)
		return "local";
	if (r->api.authorization.len > 0)
		return "token";
	return r->api.cookie.len > 0 ? "session" : "nobody";
}
