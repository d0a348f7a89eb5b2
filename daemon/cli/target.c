/* cli/target.c: whom to ask, and the way there. */
#include "daemon/cli/target.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "daemon/cli/input.h"

#define TOKEN_PREFIX SPAN("prm_pat_")
#define TOKEN_MAX 256

/* "https://HOST[:PORT][/]"; an IPv6 address in brackets (RFC 3986 3.2.2). */
static enum err read_url(const char *url, struct target *t, struct note *why)
{
	struct span rest = span_str(url), host, port = { NULL, 0 };
	uint64_t number = 443;
	size_t at;

	if (!span_istarts(rest, SPAN("https://"))) {
		note_set(why, "--url begins with https://");
		return ERR_SYNTAX;
	}
	rest = span_skip(rest, 8);
	if (span_ends(rest, SPAN("/")))
		rest.len--;
	host = rest;
	if (span_starts(rest, SPAN("[")) && span_find_char(rest, ']', &at)) {
		host = span_make(rest.ptr + 1, at - 1);
		port = span_skip(rest, at + 1);
	} else if (span_find_char(rest, ':', &at)) {
		host = span_take(rest, at);
		port = span_skip(rest, at);
	}
	if (port.len > 0 && (port.ptr[0] != ':' || span_to_u64(span_skip(port, 1), 65535, &number) != ERR_OK || number == 0))
		host.len = 0;
	for (size_t i = 0; i < host.len; i++)
		if ((unsigned char)host.ptr[i] <= ' ' || strchr("/?#@[]\"<>\\", host.ptr[i]))
			host.len = 0;
	if (host.len == 0 || host.len >= sizeof t->host) {
		note_set(why, "--url is https://HOST or https://HOST:PORT, not '%.80s'", url);
		return ERR_SYNTAX;
	}
	memcpy(t->host, host.ptr, host.len);
	t->port = (uint16_t)number;
	return ERR_OK;
}

/* A name of a file, or the token itself. What goes into a header line is looked at before. */
static enum err read_token(const char *said, struct target *t, struct note *why)
{
	struct span token;
	enum err e = ERR_OK;

	if (span_starts(span_str(said), TOKEN_PREFIX))
		buf_add_str(&t->token, said);
	else
		e = input_file(said, &t->token, why);
	if (e != ERR_OK)
		return e;
	token = span_trim(buf_span(&t->token));
	for (size_t i = 0; i < token.len; i++) {
		if ((unsigned char)token.ptr[i] <= ' ' || (unsigned char)token.ptr[i] >= 0x7f)
			token.len = 0;
	}
	if (token.len == 0 || token.len > TOKEN_MAX) {
		note_set(why, "--token: there is no token in %s", said);
		return ERR_SYNTAX;
	}
	memmove(t->token.ptr, token.ptr, token.len);
	t->token.len = token.len;
	return ERR_OK;
}

static enum err find_remote(const struct arguments *a, struct target *t, struct note *why)
{
	const char *token = a->token ? a->token : getenv("POSTROOM_TOKEN");
	enum err e = read_url(a->url, t, why);

	if (e == ERR_OK && !token) {
		note_set(why, "--url needs --token FILE, or POSTROOM_TOKEN");
		e = ERR_SYNTAX;
	}
	if (e == ERR_OK)
		e = read_token(token, t, why);
	if (e == ERR_OK)
		e = tls_client_new(a->ca_file, &t->tls, why) == ERR_OK ? ERR_OK : ERR_SYNTAX;
	return e;
}

enum err target_find(const struct arguments *a, struct target *out, struct note *why)
{
	enum err e;

	*out = (struct target){ .port = 0 };
	buf_init(&out->token, 65536 + TOKEN_MAX);
	if (a->url) {
		tls_init();
		e = find_remote(a, out, why);
	} else if (a->token || a->ca_file) {
		note_set(why, "--token and --ca-file go with --url");
		e = ERR_SYNTAX;
	} else {
		e = config_read(a->config_path, &out->config, why) == ERR_OK ? ERR_OK : ERR_STATE;
		if (e == ERR_OK)
			out->socket_path = config_path(&out->config, out->config.run_dir, "admin.sock");
	}
	if (e != ERR_OK)
		target_clear(out);
	return e;
}

static enum err connect_remote(const struct target *t, struct stream **out, struct note *why)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL;
	struct note reason = { "" };
	enum err e = ERR_TEMP;
	int failure = getaddrinfo(t->host, NULL, &hints, &list);

	if (failure != 0) {
		note_set(why, "%s: %s", t->host, gai_strerror(failure));
		return ERR_TEMP;
	}
	for (const struct addrinfo *i = list; i && e != ERR_OK; i = i->ai_next) {
		struct net_addr to = net_addr_from_sockaddr(i->ai_addr);

		to.port = t->port;
		e = stream_connect(&to, TARGET_TIMEOUT_MS, out, &reason);
	}
	freeaddrinfo(list);
	if (e == ERR_OK) {
		e = stream_start_tls(*out, t->tls, &(struct tls_expect){ .verify = TLS_VERIFY_NAME, .sni = t->host }, TARGET_TIMEOUT_MS, NULL, &reason);
		if (e != ERR_OK)
			stream_close(out);
	}
	if (e != ERR_OK)
		note_set(why, "https://%.100s:%u: %.120s", t->host, t->port, reason.text);
	return e == ERR_OK ? ERR_OK : ERR_TEMP;
}

enum err target_connect(const struct target *t, struct stream **out, struct note *why)
{
	return t->socket_path ? stream_connect_unix(t->socket_path, out, why) : connect_remote(t, out, why);
}

void target_clear(struct target *t)
{
	config_clear(&t->config);
	buf_wipe(&t->token);
	tls_client_free(&t->tls);
}
