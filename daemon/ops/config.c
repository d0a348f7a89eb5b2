/* ops/config.c: reads postroom.conf.
 *
 * One table names each key with its reader; a key, a service or a value that the table does not know ends the reading with
 * a line that says where and what. Nothing outside the file is changed, and no file is opened but to see that it can be read.
 */
#include "daemon/ops/config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/buf.h"
#include "daemon/net/resolver.h"
#include "daemon/net/tls.h"

#define ARENA_MAX (256u * 1024u)
#define DEFAULT_TRUST_ANCHOR "/usr/share/dns/root.key"
#define SOCKET_NAME_MAX 12 /* "/admin.sock" and its NUL */

struct reader {
	struct config *config;
	const char *path;
	unsigned line;
	uint64_t seen; /* bit per key of the table: networks may come twice */
	struct note *why;
};

static enum err bad(const struct reader *r, const char *what, struct span value)
{
	note_set(r->why, "%s:%u: %s: '%.*s'", r->path, r->line, what, (int)(value.len > 80 ? 80 : value.len), value.ptr);
	return ERR_SYNTAX;
}

/* A path, absolute or from the folder of the configuration file. */
static enum err resolve_path(const struct reader *r, struct span value, const char **out)
{
	struct arena *a = &r->config->arena;
	struct span file = span_str(r->path), text = value;
	size_t slash = file.len;

	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.ptr[i] < 0x20)
			return bad(r, "control characters in a path", SPAN(""));
	while (slash > 0 && file.ptr[slash - 1] != '/')
		slash--;
	if (value.len > 0 && value.ptr[0] != '/' && slash > 0)
		text = arena_printf(a, "%.*s%.*s", (int)slash, file.ptr, (int)value.len, value.ptr);
	if (value.len == 0 || value.len > 1024 || span_cstr(a, text, out) != ERR_OK)
		return bad(r, "not a path", value);
	return ERR_OK;
}

static enum err read_dir(const struct reader *r, struct span value, const char **out)
{
	enum err e = resolve_path(r, value, out);

	if (e == ERR_OK && strlen(*out) + SOCKET_NAME_MAX > sizeof((struct sockaddr_un *)0)->sun_path)
		return bad(r, "path is too long for a socket in it", value);
	return e;
}

static enum err read_data_dir(struct reader *r, struct span value)
{
	return resolve_path(r, value, &r->config->data_dir);
}

static enum err read_run_dir(struct reader *r, struct span value)
{
	return read_dir(r, value, &r->config->run_dir);
}

static enum err read_user(struct reader *r, struct span value)
{
	if (span_cstr(&r->config->arena, value, &r->config->user) != ERR_OK || !getpwnam(r->config->user))
		return bad(r, "no such user on this machine", value);
	return ERR_OK;
}

static enum err read_log_level(struct reader *r, struct span value)
{
	if (log_level_parse(value, &r->config->log_level) != ERR_OK)
		return bad(r, "log_level is debug, info, warn or error, not", value);
	return ERR_OK;
}

static enum err read_resolver(struct reader *r, struct span value)
{
	if (resolver_mode_check(value) != ERR_OK || span_cstr(&r->config->arena, value, &r->config->resolver) != ERR_OK)
		return bad(r, "resolver is recursive, system or ADDR@PORT, not", value);
	return ERR_OK;
}

static enum err read_existing_file(struct reader *r, struct span value, const char **out)
{
	enum err e = resolve_path(r, value, out);

	if (e == ERR_OK && access(*out, R_OK) != 0)
		return bad(r, "file can't be read", value);
	return e;
}

static enum err read_trust_anchor(struct reader *r, struct span value)
{
	return read_existing_file(r, value, &r->config->trust_anchor);
}

static enum err read_tls_ca_file(struct reader *r, struct span value)
{
	return read_existing_file(r, value, &r->config->tls_ca_file);
}

static enum err read_secret_key(struct reader *r, struct span value)
{
	return resolve_path(r, value, &r->config->secret_key);
}

static enum err read_relay_port(struct reader *r, struct span value)
{
	uint64_t port;

	if (span_to_u64(value, 65535, &port) != ERR_OK || port == 0)
		return bad(r, "not a port", value);
	r->config->relay_port = (uint16_t)port;
	return ERR_OK;
}

static enum err read_network(struct reader *r, struct span value, struct net_cidr list[CONFIG_MAX_NETWORKS], size_t *count)
{
	if (*count == CONFIG_MAX_NETWORKS)
		return bad(r, "too many networks", value);
	if (net_cidr_parse(value, &list[*count]) != ERR_OK)
		return bad(r, "not a network like 192.0.2.0/24 or 2001:db8::/32", value);
	(*count)++;
	return ERR_OK;
}

static enum err read_trusted_network(struct reader *r, struct span value)
{
	return read_network(r, value, r->config->trusted, &r->config->trusted_count);
}

static enum err read_proxy_from(struct reader *r, struct span value)
{
	return read_network(r, value, r->config->proxies, &r->config->proxy_count);
}

static const struct {
	struct config_key is;
	enum err (*read)(struct reader *r, struct span value);
} keys[] = {
	{ { "data_dir", "/var/lib/postroom", "all data", false }, read_data_dir },
	{ { "run_dir", "/run/postroom", "the sockets of the API and of sendmail(1)", false }, read_run_dir },
	{ { "user", "whoever starts it", "who runs the service after root has bound the ports", false }, read_user },
	{ { "log_level", "info", "debug, info, warn or error", false }, read_log_level },
	{ { "resolver", "recursive", "recursive (asks the DNS itself, with DNSSEC), system (the servers of /etc/resolv.conf) or ADDR@PORT", false }, read_resolver },
	{ { "trust_anchor", DEFAULT_TRUST_ANCHOR, "a file of DS or DNSKEY records of the root zone, for DNSSEC", false }, read_trust_anchor },
	{ { "relay_port", "25", "the port of other servers", false }, read_relay_port },
	{ { "secret_key", "secret.key beside the configuration", "the key that seals the secrets in the database. Keep a copy: without it the data folder cannot be opened", false }, read_secret_key },
	{ { "tls_ca_file", "the system's", "certificates of the authorities that relay hosts are checked against", false }, read_tls_ca_file },
	{ { "trusted_network", "none", "a network like 192.0.2.0/24, free of limits and delays for each address and of sending limits, and who logs in from it may name foreign addresses in From; never free of authentication, and it may not relay", true }, read_trusted_network },
	{ { "proxy_from", "none", "a network of proxies in front of this server. On the mail ports each of their connections has to begin with a PROXY header (version 1 or 2); on the web ports it may, or X-Forwarded-For says who the client is", true }, read_proxy_from },
};

/* The services of the design; those without a session yet are known by name, so that the refusal can say so. */
static const struct {
	struct config_service is;
	bool built;
	enum listen_service service;
} services[] = {
	{ { "mx", "mail from other servers (port 25)" }, true, LISTEN_MX },
	{ { "lmtp", "mail from another mail server in front of this one, on this machine or in a trusted_network; everybody else is refused" }, true, LISTEN_LMTP },
	{ { "submission", "mail from users, with STARTTLS (587)" }, true, LISTEN_SUBMISSION },
	{ { "submissions", "the same, TLS from the start (465)" }, true, LISTEN_SUBMISSIONS },
	{ { "imap", "mailboxes, with STARTTLS (143)" }, true, LISTEN_IMAP },
	{ { "imaps", "the same, TLS from the start (993)" }, true, LISTEN_IMAPS },
	{ { "pop3", "the inbox for programs that fetch it, with STLS (110)" }, true, LISTEN_POP3 },
	{ { "pop3s", "the same, TLS from the start (995)" }, true, LISTEN_POP3S },
	{ { "http", "only sends browsers on to https (80)" }, true, LISTEN_HTTP },
	{ { "https", "the panel and the API (443)" }, true, LISTEN_HTTPS },
	{ { "managesieve", NULL }, false, LISTEN_MX },
};

static enum err add_listener(struct reader *r, enum listen_service service, struct span value)
{
	struct config *c = r->config;
	struct config_listener *l = &c->listeners[c->listener_count];

	if (c->listener_count == CONFIG_MAX_LISTENERS)
		return bad(r, "too many listeners", value);
	l->service = service;
	if (net_addr_parse(value, &l->at) != ERR_OK || l->at.port == 0)
		return bad(r, "not an ADDR:PORT like 0.0.0.0:25 or [::]:25", value);
	for (size_t i = 0; i < c->listener_count; i++)
		if (c->listeners[i].at.port == l->at.port && net_ip_equals(&c->listeners[i].at, &l->at))
			return bad(r, "address and port are given twice", value);
	c->listener_count++;
	return ERR_OK;
}

static enum err read_listen(struct reader *r, struct span name, struct span value)
{
	for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
		if (!span_equals(name, span_str(services[i].is.name)))
			continue;
		if (!services[i].built)
			return bad(r, "this service is not built yet", name);
		return add_listener(r, services[i].service, value);
	}
	return bad(r, "unknown service in [listen]", name);
}

static enum err read_key(struct reader *r, struct span name, struct span value)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (!span_equals(name, span_str(keys[i].is.name)))
			continue;
		if (!keys[i].is.repeatable && (r->seen & (1ull << i)))
			return bad(r, "key is given twice", name);
		r->seen |= 1ull << i;
		return keys[i].read(r, value);
	}
	return bad(r, "unknown key", name);
}

static enum err read_line(struct reader *r, struct span line, bool *in_listen)
{
	struct span name, value;
	size_t equals;

	line = span_trim(line);
	if (line.len == 0 || line.ptr[0] == '#')
		return ERR_OK;
	if (line.ptr[0] == '[') {
		if (!span_equals(line, SPAN("[listen]")))
			return bad(r, "unknown section", line);
		*in_listen = true;
		return ERR_OK;
	}
	if (!span_find_char(line, '=', &equals))
		return bad(r, "not a line of the form key = value", line);
	name = span_trim(span_take(line, equals));
	value = span_trim(span_skip(line, equals + 1));
	return *in_listen ? read_listen(r, name, value) : read_key(r, name, value);
}

static enum err set_defaults(struct reader *r)
{
	struct config *c = r->config;
	enum err e = ERR_OK;

	r->line = 0;
	if (!c->data_dir)
		c->data_dir = "/var/lib/postroom";
	if (!c->run_dir)
		c->run_dir = "/run/postroom";
	if (!c->resolver)
		c->resolver = "recursive";
	if (!c->trust_anchor && access(DEFAULT_TRUST_ANCHOR, R_OK) == 0)
		c->trust_anchor = DEFAULT_TRUST_ANCHOR;
	if (!c->secret_key)
		e = resolve_path(r, SPAN("secret.key"), &c->secret_key);
	return e;
}

enum err config_parse(const char *path, struct span text, struct config *out, struct note *why)
{
	struct reader r = { .config = out, .path = path, .why = why };
	struct span rest = text, line;
	bool in_listen = false;
	enum err e = ERR_OK;

	*out = (struct config){ .log_level = LOG_INFO, .relay_port = 25 };
	arena_init(&out->arena, ARENA_MAX);
	if (span_cstr(&out->arena, span_str(path), &out->path) != ERR_OK)
		e = ERR_LIMIT;
	while (e == ERR_OK && span_split(&rest, '\n', &line)) {
		r.line++;
		e = read_line(&r, line, &in_listen);
	}
	if (e == ERR_OK)
		e = set_defaults(&r);
	if (e != ERR_OK)
		config_clear(out);
	return e;
}

static enum err read_whole(const char *path, struct buf *text, struct note *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	if (fd < 0) {
		int error = errno;

		note_set_errno(why, error, "%s", path);
		return error == EACCES ? ERR_DENIED : ERR_NOT_FOUND;
	}
	while (got > 0) {
		char *to = buf_reserve(text, 4096);

		got = to ? read(fd, to, 4096) : 0;
		if (got > 0)
			buf_grew(text, (size_t)got);
	}
	if (got < 0)
		note_set_errno(why, errno, "%s", path);
	close(fd);
	if (got < 0)
		return ERR_NOT_FOUND;
	if (text->failed) {
		note_set(why, "%s: larger than %u bytes", path, CONFIG_MAX_BYTES);
		return ERR_LIMIT;
	}
	return ERR_OK;
}

enum err config_read(const char *path, struct config *out, struct note *why)
{
	struct buf text;
	enum err e;

	*out = (struct config){ 0 };
	buf_init(&text, CONFIG_MAX_BYTES + 4096);
	e = read_whole(path, &text, why);
	if (e == ERR_OK)
		e = config_parse(path, buf_span(&text), out, why);
	buf_clear(&text);
	return e;
}

enum err config_check_files(const struct config *c, struct note *why)
{
	const struct resolver_config names = { .mode = c->resolver, .trust_anchor = c->trust_anchor };
	struct tls_client *authorities = NULL;
	struct resolver *resolver = NULL;
	enum err e = ERR_OK;

	if (c->tls_ca_file)
		e = tls_client_new(c->tls_ca_file, &authorities, why);
	if (e == ERR_OK && c->trust_anchor && strcmp(c->trust_anchor, DEFAULT_TRUST_ANCHOR) != 0)
		e = resolver_new(&names, &resolver, why);
	resolver_free(&resolver);
	tls_client_free(&authorities);
	return e == ERR_OK ? ERR_OK : ERR_SYNTAX;
}

void config_clear(struct config *c)
{
	arena_clear(&c->arena);
	*c = (struct config){ 0 };
}

const char *config_path(struct config *c, const char *dir, const char *name)
{
	const char *out = "";

	/* The arena has room for many of these; a path that does not fit is refused by whoever opens it. */
	if (span_cstr(&c->arena, arena_printf(&c->arena, "%s/%s", dir, name), &out) != ERR_OK)
		return "";
	return out;
}

const struct config_key *config_key(size_t index)
{
	return index < sizeof keys / sizeof keys[0] ? &keys[index].is : NULL;
}

const struct config_service *config_service(size_t index)
{
	return index < sizeof services / sizeof services[0] && services[index].built ? &services[index].is : NULL;
}
