/* ops/certificates.c: from control.db to the TLS store. */
#include "daemon/ops/certificates.h"

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/crypto/x509.h"
#include "daemon/directory/manage.h"
#include "daemon/net/tls.h"

#define SELF_SIGNED_DAYS 730
#define BEGINS_BEFORE_MS (3600ll * 1000)
#define RENEW_BEFORE_MS (30ll * 86400 * 1000)
#define CERTIFICATES_MAX_BYTES (16u * 1024u * 1024u)

/* Made here: a self-signed one that an administrator has brought is left alone. Ours begins an hour before it was made (crypto/x509.c); the two times are a second apart at most. */
static bool is_ours(const struct x509_info *info)
{
	int64_t surplus_ms = info->not_after_ms - info->not_before_ms - SELF_SIGNED_DAYS * 86400ll * 1000 - BEGINS_BEFORE_MS;

	return info->self_signed && surplus_ms >= -2000 && surplus_ms <= 2000;
}

/* Good for the host name: there, readable, and not one of ours near its end. */
static bool is_usable(const struct stored_certificate *c, struct span hostname)
{
	struct x509_info info;

	if (!span_equals(c->name, hostname) || x509_check(c->chain_pem, c->key_pem, &info, NULL) != ERR_OK)
		return false;
	return !is_ours(&info) || info.not_after_ms - clock_real_ms() > RENEW_BEFORE_MS;
}

static enum err make_self_signed(struct directory *d, struct span hostname, struct note *why)
{
	struct buf chain, key;
	struct arena a;
	const char *name;
	enum err e;

	arena_init(&a, 4096);
	buf_init(&chain, 65536);
	buf_init(&key, 65536);
	e = span_cstr(&a, hostname, &name);
	if (e == ERR_OK)
		e = x509_self_signed(&name, 1, SELF_SIGNED_DAYS, &chain, &key, why);
	if (e == ERR_OK)
		e = directory_certificate_set(d, hostname, buf_span(&chain), buf_span(&key), why);
	if (e == ERR_OK)
		log_event(LOG_INFO, "certificates", "self_signed", "name=%s days=%d", log_quote(hostname).text, SELF_SIGNED_DAYS);
	buf_wipe(&key);
	buf_clear(&chain);
	arena_clear(&a);
	return e;
}

/* The host name's goes first: it serves clients that send no name. */
static enum err fill_store(struct tls_store *store, const struct stored_certificate *list, size_t count, struct span hostname, struct arena *a, struct note *why)
{
	struct tls_identity *identities = arena_array(a, count, sizeof *identities);
	size_t used = 0;

	if (!identities)
		return ERR_LIMIT;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < count; i++)
			if (span_equals(list[i].name, hostname) == (pass == 0))
				identities[used++] = (struct tls_identity){ list[i].chain_pem, list[i].key_pem };
	return tls_store_set(store, identities, count, why);
}

static enum err load(struct directory *d, struct tls_store *store, struct span hostname, struct arena *a, struct note *why)
{
	struct stored_certificate *list;
	size_t count;
	bool usable = false;
	enum err e = directory_certificates(d, a, &list, &count);

	for (size_t i = 0; e == ERR_OK && i < count && !usable; i++)
		usable = is_usable(&list[i], hostname);
	if (e == ERR_OK && !usable) {
		e = make_self_signed(d, hostname, why);
		if (e == ERR_OK)
			e = directory_certificates(d, a, &list, &count);
	}
	return e == ERR_OK ? fill_store(store, list, count, hostname, a, why) : e;
}

enum err certificates_load(struct directory *d, struct tls_store *store, struct note *why)
{
	const struct snapshot *s = directory_hold(d);
	struct arena a;
	enum err e;

	arena_init(&a, CERTIFICATES_MAX_BYTES);
	e = load(d, store, snapshot_hostname(s), &a, why);
	arena_clear(&a);
	snapshot_release(&s);
	return e;
}
