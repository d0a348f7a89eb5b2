/* net/fetch.c: one curl multi handle and its thread.
 *
 *   fetch_begin --queue, wake--> thread: added --> runs --> done() --> freed
 *
 * (1) Only the thread touches curl handles. The lock guards the queue of what is to be begun.
 * (2) With nothing to do the thread sleeps until it is woken.
 */
#include "daemon/net/fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/arena.h"

#define URL_MAX 2048u
#define REQUEST_ARENA_MAX (4u * 1024u * 1024u)
#define CONNECT_MS 10000
#define IDLE_MS 3600000
#define CONNECTIONS_KEPT 8L

struct transfer {
	struct transfer *next;
	struct fetch_request request; /* in the arena */
	struct arena arena;
	const char *url;
	void (*done)(void *arg, const struct fetch_result *result);
	void *done_arg;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	bool refused, full;
	char error[CURL_ERROR_SIZE];
};

struct fetcher {
	pthread_mutex_t lock; /* guards begun, stopping */
	struct transfer *begun;
	bool stopping;
	CURLM *multi;
	struct transfer *running; /* the thread's */
	pthread_t thread;
};

enum err fetch_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? ERR_OK : ERR_TEMP;
}

/* ---- the URL ---- */

static enum err check_part(CURLU *u, CURLUPart part, const char *what, struct note *why)
{
	char *text = NULL;

	if (curl_url_get(u, part, &text, 0) != CURLUE_OK)
		return ERR_OK;
	curl_free(text);
	note_set(why, "a URL with %s is not taken", what);
	return ERR_SYNTAX;
}

static enum err check_scheme(CURLU *u, bool may_http, struct note *why)
{
	char *scheme = NULL;
	bool good;

	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return ERR_SYNTAX;
	good = span_iequals(span_str(scheme), SPAN("https")) || (may_http && span_iequals(span_str(scheme), SPAN("http")));
	curl_free(scheme);
	if (!good)
		note_set(why, may_http ? "a URL begins with https:// or http://" : "a URL begins with https://");
	return good ? ERR_OK : ERR_SYNTAX;
}

static void read_host(CURLU *u, struct net_addr *out)
{
	char *host = NULL;
	struct span s;

	*out = (struct net_addr){ .family = NET_NONE };
	if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return;
	s = span_str(host);
	if (s.len > 2 && s.ptr[0] == '[')
		s = span_take(span_skip(s, 1), s.len - 2);
	if (net_ip_parse(s, out) != ERR_OK)
		*out = (struct net_addr){ .family = NET_NONE };
	curl_free(host);
}

enum err fetch_check_url(struct span url, bool may_http, struct net_addr *host_out, struct note *why)
{
	char text[URL_MAX + 1];
	CURLU *u;
	enum err e = ERR_OK;

	*host_out = (struct net_addr){ .family = NET_NONE };
	for (size_t i = 0; i < url.len && i < URL_MAX; i++)
		if ((uint8_t)url.ptr[i] <= 0x20 || (uint8_t)url.ptr[i] >= 0x7f)
			e = ERR_SYNTAX;
	if (e || url.len > URL_MAX || url.len == 0) {
		note_set(why, "a URL is printable ASCII of at most %u characters", URL_MAX);
		return ERR_SYNTAX;
	}
	memcpy(text, url.ptr, url.len);
	text[url.len] = '\0';
	u = curl_url();
	if (!u)
		return ERR_TEMP;
	if (curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK) {
		note_set(why, "not a URL");
		e = ERR_SYNTAX;
	}
	if (!e)
		e = check_scheme(u, may_http, why);
	if (!e)
		e = check_part(u, CURLUPART_USER, "a user name", why);
	if (!e)
		e = check_part(u, CURLUPART_FRAGMENT, "a fragment", why);
	if (!e)
		read_host(u, host_out);
	curl_url_cleanup(u);
	return e;
}

/* ---- callbacks of curl, on the thread ---- */

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t room = t->request.answer_max - t->body.len, len = size * count;

	buf_add(&t->body, span_make(bytes, len < room ? len : room));
	if (len <= room)
		return len;
	/* What is more is not wanted: the transfer ends here, with what came. */
	t->full = true;
	return CURL_WRITEFUNC_ERROR;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = arg;
	struct net_addr addr = net_addr_from_sockaddr(&address->addr);

	if (purpose != CURLSOCKTYPE_IPCXN)
		return CURL_SOCKET_BAD;
	if (t->request.may_connect && !t->request.may_connect(t->request.arg, &addr)) {
		t->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- one transfer ---- */

static void transfer_free(struct transfer *t)
{
	curl_slist_free_all(t->headers);
	curl_easy_cleanup(t->easy);
	buf_clear(&t->body);
	arena_wipe(&t->arena); /* signatures, tokens */
	free(t);
}

static void finish(struct transfer *t, CURLcode code)
{
	struct fetch_result r = { .err = ERR_OK, .untrusted = code == CURLE_PEER_FAILED_VERIFICATION };
	const char *content_type = NULL;
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &content_type);
	if (code != CURLE_OK && !(t->full && status)) {
		r.err = t->refused ? ERR_DENIED : code == CURLE_ABORTED_BY_CALLBACK ? ERR_STATE
										    : ERR_TEMP;
		note_set(&r.why, "%s", t->refused ? "the address is not one that may be connected to" : t->error[0] ? t->error
														    : curl_easy_strerror(code));
		status = 0;
	}
	r.status = (int)status;
	r.body = buf_span(&t->body);
	r.content_type = span_str(content_type);
	t->done(t->done_arg, &r);
	transfer_free(t);
}

static bool add_headers(struct transfer *t)
{
	const struct fetch_request *q = &t->request;
	struct span line;
	const char *text;

	/* Without it a larger body waits a second for a server that says nothing to Expect: 100-continue. */
	t->headers = curl_slist_append(NULL, "Expect:");
	if (!t->headers)
		return false;
	for (size_t i = 0; i <= q->header_count; i++) {
		struct curl_slist *longer;

		line = i < q->header_count ? q->headers[i] : arena_printf(&t->arena, "Content-Type: %.*s", (int)q->content_type.len, q->content_type.ptr ? q->content_type.ptr : "");
		if (i == q->header_count && q->content_type.len == 0)
			break;
		if (span_cstr(&t->arena, line, &text) != ERR_OK)
			return false;
		longer = curl_slist_append(t->headers, text);
		if (!longer)
			return false;
		t->headers = longer;
	}
	return true;
}

static bool set_options(struct transfer *t)
{
	const struct fetch_request *q = &t->request;
	CURL *c = t->easy;
	CURLcode bad = CURLE_OK;

#define SET(option, value)                                                     \
	do {                                                                   \
		CURLcode code_ = curl_easy_setopt(c, CURLOPT_##option, value); \
		bad = bad ? bad : code_;                                       \
	} while (0)
	SET(URL, t->url);
	SET(PROTOCOLS_STR, q->may_http ? "https,http" : "https");
	SET(FOLLOWLOCATION, 0L);
	SET(PROXY, "");
	SET(NETRC, (long)CURL_NETRC_IGNORED);
	SET(NOSIGNAL, 1L);
	SET(TIMEOUT_MS, (long)q->timeout_ms);
	SET(CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	SET(ERRORBUFFER, t->error);
	SET(WRITEFUNCTION, take_body);
	SET(WRITEDATA, t);
	SET(OPENSOCKETFUNCTION, open_socket);
	SET(OPENSOCKETDATA, t);
	SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* A kept connection would be one that no filter has seen for this request. */
	SET(FRESH_CONNECT, 1L);
	SET(FORBID_REUSE, 1L);
	/* A transfer that ends while its name is looked up waits for no answer: all others would wait with it, and a stop as well. */
	SET(QUICK_EXIT, 1L);
	SET(PRIVATE, t);
	if (q->ca_file)
		SET(CAINFO, q->ca_file);
	if (q->post) {
		SET(POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
		SET(POSTFIELDS, q->body.len ? q->body.ptr : "");
	}
	SET(HTTPHEADER, t->headers);
#undef SET
	return bad == CURLE_OK;
}

/* On the thread. */
static void start(struct fetcher *f, struct transfer *t)
{
	t->easy = curl_easy_init();
	if (!t->easy || !add_headers(t) || !set_options(t) || curl_multi_add_handle(f->multi, t->easy) != CURLM_OK) {
		struct fetch_result r = { .err = ERR_TEMP, .why = { "out of memory" } };

		t->done(t->done_arg, &r);
		transfer_free(t);
		return;
	}
	t->next = f->running;
	f->running = t;
}

static void unlist(struct fetcher *f, struct transfer *t)
{
	struct transfer **link = &f->running;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
}

static void collect(struct fetcher *f)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(f->multi, &left))) {
		struct transfer *t = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		(void)curl_multi_remove_handle(f->multi, message->easy_handle);
		unlist(f, t);
		finish(t, code);
	}
}

static void *run(void *arg)
{
	struct fetcher *f = arg;
	bool stopping = false;

	while (!stopping) {
		struct transfer *begun;
		int running = 0;

		pthread_mutex_lock(&f->lock);
		begun = f->begun;
		f->begun = NULL;
		stopping = f->stopping;
		pthread_mutex_unlock(&f->lock);
		while (begun) {
			struct transfer *t = begun;

			begun = t->next;
			start(f, t);
		}
		(void)curl_multi_perform(f->multi, &running);
		collect(f);
		if (!stopping)
			(void)curl_multi_poll(f->multi, NULL, 0, f->running ? 1000 : IDLE_MS, NULL);
	}
	while (f->running) {
		struct transfer *t = f->running;

		(void)curl_multi_remove_handle(f->multi, t->easy);
		f->running = t->next;
		finish(t, CURLE_ABORTED_BY_CALLBACK);
	}
	return NULL;
}

/* ---- from outside ---- */

static enum err copy_request(struct transfer *t, const struct fetch_request *q)
{
	struct fetch_request *to = &t->request;

	*to = *q;
	to->body = arena_copy(&t->arena, q->body);
	to->content_type = arena_copy(&t->arena, q->content_type);
	for (size_t i = 0; i < q->header_count; i++)
		to->headers[i] = arena_copy(&t->arena, q->headers[i]);
	if (span_cstr(&t->arena, q->url, &t->url) != ERR_OK || t->arena.failed)
		return ERR_LIMIT;
	buf_init(&t->body, q->answer_max + 1);
	return ERR_OK;
}

enum err fetch_begin(struct fetcher *f, const struct fetch_request *request, void (*done)(void *arg, const struct fetch_result *result), void *done_arg, struct note *why)
{
	struct net_addr host;
	struct transfer *t;
	enum err e = fetch_check_url(request->url, request->may_http, &host, why);

	if (e)
		return e;
	t = calloc(1, sizeof *t);
	if (!t)
		return ERR_TEMP;
	arena_init(&t->arena, REQUEST_ARENA_MAX);
	t->done = done;
	t->done_arg = done_arg;
	e = copy_request(t, request);
	if (e) {
		transfer_free(t);
		return e;
	}
	pthread_mutex_lock(&f->lock);
	t->next = f->begun;
	f->begun = t;
	pthread_mutex_unlock(&f->lock);
	(void)curl_multi_wakeup(f->multi);
	return ERR_OK;
}

enum err fetcher_new(struct fetcher **out)
{
	struct fetcher *f = calloc(1, sizeof *f);

	*out = NULL;
	if (!f)
		return ERR_TEMP;
	f->multi = curl_multi_init();
	if (f->multi)
		(void)curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
	if (f->multi && pthread_mutex_init(&f->lock, NULL) == 0 && pthread_create(&f->thread, NULL, run, f) == 0) {
		*out = f;
		return ERR_OK;
	}
	(void)curl_multi_cleanup(f->multi);
	free(f);
	return ERR_TEMP;
}

void fetcher_free(struct fetcher **fetcher)
{
	struct fetcher *f = *fetcher;

	*fetcher = NULL;
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	pthread_mutex_unlock(&f->lock);
	(void)curl_multi_wakeup(f->multi);
	pthread_join(f->thread, NULL);
	(void)curl_multi_cleanup(f->multi);
	free(f);
}
