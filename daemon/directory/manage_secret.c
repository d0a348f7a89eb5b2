/* directory/manage_secret.c: changes of what holds secrets: relay hosts and certificates. Sealed before the transaction begins. */
#include "daemon/base/clock.h"
#include "daemon/directory/change.h"
#include "daemon/directory/manage.h"
#include "daemon/net/addr.h"
#include "db/control_certificate.h"
#include "db/control_domain.h"
#include "db/control_relay.h"

#define NAME_MEMORY_MAX 65536
#define CONTEXT_MAX 512
#define CREDENTIAL_MAX 1024
#define CHAIN_MAX ((size_t)256 * 1024)
#define KEY_MAX ((size_t)64 * 1024)

/* The context names kind and place, so that a sealed value cannot be moved to another row. */
static enum err seal_value(struct directory *d, const char *kind, struct span name, struct span plain, struct buf *out)
{
	struct buf context;
	enum err e;

	buf_init(&context, CONTEXT_MAX);
	buf_addf(&context, "%s:", kind);
	buf_add(&context, name);
	e = context.failed ? ERR_LIMIT : seal_close(&d->data_key, buf_span(&context), plain, out);
	buf_clear(&context);
	return e;
}

static enum err unseal_value(struct directory *d, const char *kind, struct span name, struct span sealed, struct buf *out)
{
	struct buf context;
	enum err e;

	buf_init(&context, CONTEXT_MAX);
	buf_addf(&context, "%s:", kind);
	buf_add(&context, name);
	e = context.failed ? ERR_LIMIT : seal_open(&d->data_key, buf_span(&context), sealed, out);
	buf_clear(&context);
	return e;
}

/* "*", "example.net", "@example.org". */
static enum err relay_domain(struct span text, struct arena *a, struct span *out, struct note *why)
{
	const bool by_sender = span_starts(text, SPAN("@"));
	enum err e;

	*out = text;
	if (span_equals(text, SPAN("*")))
		return ERR_OK;
	e = text.len > ADDRESS_MAX * 4 ? ERR_LIMIT : address_domain_normal(span_skip(text, by_sender), a, out);
	if (e)
		note_set(why, "a relay host is for a domain name, for the mail of a domain of ours (@example.org), or for all (*)");
	else if (by_sender)
		*out = arena_printf(a, "@%.*s", (int)out->len, out->ptr);
	return e || out->ptr ? e : ERR_TEMP;
}

static enum err relay_host(struct span text, struct arena *a, struct span *out, struct note *why)
{
	struct net_addr ip;
	enum err e;

	*out = text;
	if (text.len <= ADDRESS_MAX && net_ip_parse(text, &ip) == ERR_OK)
		return ERR_OK;
	e = text.len > ADDRESS_MAX * 4 ? ERR_LIMIT : address_domain_normal(text, a, out);
	if (e)
		note_set(why, "a relay host is a name or an IP address");
	return e;
}

static enum err check_relay(const struct relay_host *relay, struct arena *a, struct db_relay *row, struct note *why)
{
	enum err e = relay_domain(relay->domain, a, &row->domain, why);

	if (!e)
		e = relay_host(relay->host, a, &row->host, why);
	if (e)
		return e;
	if (relay->port == 0) {
		note_set(why, "a port is 1 to 65535");
		return ERR_SYNTAX;
	}
	if (relay->user.len > CREDENTIAL_MAX || relay->password.len > CREDENTIAL_MAX)
		return ERR_LIMIT;
	if (!span_is_utf8(relay->user) || memchr(relay->user.len ? relay->user.ptr : "x", '\0', relay->user.len))
		return ERR_SYNTAX;
	/* RFC 4954 4: no plaintext mechanism without protection. */
	if (relay->user.len > 0 && relay->tls == RELAY_TLS_NONE) {
		note_set(why, "a password is only sent over TLS");
		return ERR_SYNTAX;
	}
	row->port = relay->port;
	row->tls = relay->tls;
	row->user = relay->user;
	return ERR_OK;
}

static enum err run_relay_set(struct directory *d, void *arg, struct note *why)
{
	const struct db_relay *row = arg;
	enum err e = span_starts(row->domain, SPAN("@")) ? db_domain_find(d->db, span_skip(row->domain, 1)) : ERR_OK;

	if (e == ERR_NOT_FOUND)
		note_set(why, "%.*s: not a domain of this server", (int)row->domain.len - 1, row->domain.ptr + 1);
	return e ? e : db_relay_set(d->db, row);
}

enum err directory_relay_set(struct directory *d, const struct relay_host *relay, struct note *why)
{
	struct db_relay row;
	struct arena a;
	struct buf sealed;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	buf_init(&sealed, CREDENTIAL_MAX + SEAL_OVERHEAD);
	e = check_relay(relay, &a, &row, why);
	if (!e && relay->password.len > 0)
		e = seal_value(d, "relay_password", row.domain, relay->password, &sealed);
	row.password_sealed = buf_span(&sealed);
	if (!e)
		e = directory_change(d, run_relay_set, &row, why);
	buf_clear(&sealed);
	arena_clear(&a);
	return e;
}

static enum err run_relay_remove(struct directory *d, void *arg, struct note *why)
{
	(void)why;
	return db_relay_remove(d->db, *(struct span *)arg);
}

enum err directory_relay_remove(struct directory *d, struct span domain, struct note *why)
{
	struct span name;
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = relay_domain(domain, &a, &name, why);
	if (!e)
		e = directory_change(d, run_relay_remove, &name, why);
	arena_clear(&a);
	return e;
}

/* No snapshot holds them: no new one is made. */
static enum err run_certificate_set(struct db *db, void *arg)
{
	return db_certificate_set(db, arg);
}

enum err directory_certificate_set(struct directory *d, struct span name, struct span chain_pem, struct span key_pem, struct note *why)
{
	struct db_certificate row = { .name = name, .chain_pem = chain_pem, .updated_ms = clock_real_ms() };
	struct buf sealed;
	enum err e;

	if (name.len == 0 || name.len > ADDRESS_DOMAIN_MAX || !span_is_ascii(name))
		return ERR_SYNTAX;
	if (chain_pem.len > CHAIN_MAX || key_pem.len > KEY_MAX)
		return ERR_LIMIT;
	buf_init(&sealed, KEY_MAX + SEAL_OVERHEAD);
	e = seal_value(d, "certificate_key", name, key_pem, &sealed);
	row.key_sealed = buf_span(&sealed);
	if (!e)
		e = directory_write(d, run_certificate_set, &row, why);
	buf_clear(&sealed);
	return e;
}

static enum err run_certificate_remove(struct db *db, void *arg)
{
	return db_certificate_remove(db, *(struct span *)arg);
}

enum err directory_certificate_remove(struct directory *d, struct span name, struct note *why)
{
	return directory_write(d, run_certificate_remove, &name, why);
}

struct certificate_list {
	struct directory *d;
	struct arena *a;
	struct stored_certificate *certificates;
	size_t count, max;
};

static enum err add_certificate(void *arg, const struct db_certificate *row)
{
	struct certificate_list *l = arg;
	struct stored_certificate *c = &l->certificates[l->count];
	struct buf key;
	enum err e;

	if (l->count == l->max)
		return ERR_TEMP;
	buf_init(&key, KEY_MAX);
	e = unseal_value(l->d, "certificate_key", row->name, row->key_sealed, &key);
	if (!e) {
		c->name = arena_copy(l->a, row->name);
		c->chain_pem = arena_copy(l->a, row->chain_pem);
		c->key_pem = arena_copy(l->a, buf_span(&key));
		l->count++;
	}
	buf_wipe(&key);
	return e;
}

static enum err list_certificates(struct db *db, void *arg)
{
	struct certificate_list *l = arg;
	enum err e = db_certificate_count(db, &l->max);

	if (e)
		return e;
	l->certificates = arena_array(l->a, l->max, sizeof(*l->certificates));
	return l->certificates ? db_certificate_each(db, add_certificate, l) : ERR_LIMIT;
}

enum err directory_certificates(struct directory *d, struct arena *a, struct stored_certificate **out, size_t *count_out)
{
	struct certificate_list l = { .d = d, .a = a };
	enum err e = directory_read(d, list_certificates, &l);

	if (!e && a->failed)
		e = ERR_LIMIT;
	*out = l.certificates;
	*count_out = e ? 0 : l.count;
	return e;
}
