/* net/tls_store.c: certificates by SNI, session ticket keys.
 *
 * A set is what one tls_store_set() made: contexts and a sorted table of names. It is never changed, only replaced;
 * the store holds one reference and each connection one.
 */
#include "daemon/net/tls_store.h"

/* OpenSSL has a type of the name of our ERR_STATE. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/rng.h"

#define NAME_MAX_LEN 255u
#define TICKET_KEY_LIFE_MS (6 * 3600 * 1000LL) /* twice that is how long a ticket can be used */

struct tls_name {
	char *name; /* lower case; "*.example.org" for a wildcard */
	SSL_CTX *context;
};

struct tls_set {
	atomic_uint references;
	SSL_CTX **contexts;
	size_t context_count;
	struct tls_name *names; /* sorted */
	size_t name_count;
};

struct ticket_key {
	unsigned char name[16], cipher[32], mac[32];
};

struct tls_store {
	pthread_mutex_t lock;      /* guards all below */
	struct tls_set *set;       /* null: empty */
	struct ticket_key keys[2]; /* [0] seals and opens, [1] opens only */
	int64_t keys_rotated_ms;
	bool has_keys;
};

void tls_set_release(struct tls_set **set)
{
	struct tls_set *s = *set;

	*set = NULL;
	if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->name_count; i++)
		free(s->names[i].name);
	for (size_t i = 0; i < s->context_count; i++)
		SSL_CTX_free(s->contexts[i]);
	free(s->names);
	free(s->contexts);
	free(s);
}

enum err tls_store_new(struct tls_store **out)
{
	struct tls_store *s = calloc(1, sizeof(*s));

	if (!s)
		return ERR_TEMP;
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return ERR_OK;
}

void tls_store_free(struct tls_store **store)
{
	struct tls_store *s = *store;

	*store = NULL;
	if (!s)
		return;
	tls_set_release(&s->set);
	pthread_mutex_destroy(&s->lock);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

/* Called with the lock held. */
static void rotate_keys(struct tls_store *s)
{
	int64_t now = clock_mono_ms();

	if (s->has_keys && now - s->keys_rotated_ms < TICKET_KEY_LIFE_MS)
		return;
	if (s->has_keys)
		s->keys[1] = s->keys[0];
	else
		rng_bytes(&s->keys[1], sizeof(s->keys[1]));
	rng_bytes(&s->keys[0], sizeof(s->keys[0]));
	s->has_keys = true;
	s->keys_rotated_ms = now;
}

/* RFC 5077 4: AES-256-CBC and HMAC-SHA-256 around the session state. Returns 0 for a ticket that is not ours, 2 to renew it. */
static int ticket_cb(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
	struct tls_store *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct ticket_key key;
	int which = 0;

	pthread_mutex_lock(&s->lock);
	rotate_keys(s);
	if (!sealing)
		while (which < 2 && memcmp(name, s->keys[which].name, sizeof(key.name)) != 0)
			which++;
	if (which < 2)
		key = s->keys[which];
	pthread_mutex_unlock(&s->lock);
	if (which == 2)
		return 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac, sizeof(key.mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	int ok = EVP_MAC_CTX_set_params(mac, params);

	if (sealing) {
		memcpy(name, key.name, sizeof(key.name));
		rng_bytes(iv, EVP_MAX_IV_LENGTH);
		ok = ok && EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv);
	} else {
		ok = ok && EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv);
	}
	explicit_bzero(&key, sizeof(key));
	return !ok ? -1 : which == 1 ? 2
				     : 1;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct tls_name *)a)->name, ((const struct tls_name *)b)->name);
}

static SSL_CTX *find_name(const struct tls_set *set, char *name)
{
	struct tls_name key = { name, NULL };
	const struct tls_name *found = bsearch(&key, set->names, set->name_count, sizeof(key), compare_names);

	return found ? found->context : NULL;
}

/* RFC 6066 3. An unknown name gets the first identity: a mail client that warns is more helpful than an alert. */
static int sni_cb(SSL *ssl, int *alert, void *arg)
{
	const struct tls_set *set = arg;
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	char name[NAME_MAX_LEN + 1], *dot;
	size_t len = asked ? strlen(asked) : 0;
	SSL_CTX *context;

	(void)alert;
	if (len == 0 || len > NAME_MAX_LEN)
		return SSL_TLSEXT_ERR_NOACK;
	for (size_t i = 0; i <= len; i++)
		name[i] = ascii_lower(asked[i]);
	if (name[len - 1] == '.')
		name[len - 1] = 0;
	context = find_name(set, name);
	dot = strchr(name, '.');
	if (!context && dot && dot != name) {
		dot[-1] = '*';
		context = find_name(set, dot - 1);
	}
	if (!context)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_SSL_CTX(ssl, context);
	return SSL_TLSEXT_ERR_OK;
}

static void explain(struct note *why, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	note_set(why, "%s: %s", what, reason ? reason : "not usable");
	ERR_clear_error();
}

/* A key under a pass phrase is refused; OpenSSL would ask the terminal. */
static int no_pass_phrase(char *to, int size, int writing, void *arg)
{
	(void)to;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static enum err load_chain(SSL_CTX *context, struct span pem, struct note *why)
{
	BIO *bio = pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
	X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, no_pass_phrase, NULL) : NULL;
	bool ok = cert && SSL_CTX_use_certificate(context, cert) == 1;

	X509_free(cert);
	if (!ok)
		explain(why, "certificate");
	while (ok && (cert = PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL))) {
		ok = SSL_CTX_add0_chain_cert(context, cert) == 1;
		if (!ok) {
			X509_free(cert);
			explain(why, "certificate chain");
		}
	}
	ERR_clear_error(); /* PEM's "no start line" at the end */
	BIO_free(bio);
	return ok ? ERR_OK : ERR_SYNTAX;
}

static enum err load_key(SSL_CTX *context, struct span pem, struct note *why)
{
	BIO *bio = pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL) : NULL;
	bool ok = key && SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;

	if (!ok)
		explain(why, "private key");
	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok ? ERR_OK : ERR_SYNTAX;
}

static bool prepare_context(SSL_CTX *context, struct tls_store *store, struct tls_set *set)
{
	static const unsigned char id[] = "postroom";

	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 1);
	SSL_CTX_set_timeout(context, (long)(TICKET_KEY_LIFE_MS / 1000));
	SSL_CTX_set_app_data(context, store);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_cb);
	SSL_CTX_set_tlsext_servername_callback(context, sni_cb);
	SSL_CTX_set_tlsext_servername_arg(context, set);
	return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!SHA1") == 1 &&
	       SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1) == 1;
}

static enum err add_name(struct tls_set *set, const char *text, size_t len, SSL_CTX *context)
{
	struct tls_name *more, *n;

	if (len == 0 || len > NAME_MAX_LEN || memchr(text, 0, len))
		return ERR_OK; /* no client can ask for it */
	more = realloc(set->names, (set->name_count + 1) * sizeof(*more));
	if (!more)
		return ERR_TEMP;
	set->names = more;
	n = &more[set->name_count];
	n->context = context;
	n->name = malloc(len + 1);
	if (!n->name)
		return ERR_TEMP;
	for (size_t i = 0; i < len; i++)
		n->name[i] = ascii_lower(text[i]);
	n->name[len] = 0;
	set->name_count++;
	return ERR_OK;
}

static enum err add_names(struct tls_set *set, SSL_CTX *context)
{
	X509 *cert = SSL_CTX_get0_certificate(context);
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	enum err e = ERR_OK;

	for (int i = 0; e == ERR_OK && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			e = add_name(set, (const char *)ASN1_STRING_get0_data(name->d.dNSName), (size_t)ASN1_STRING_length(name->d.dNSName), context);
	}
	if (!names) {
		char common[NAME_MAX_LEN + 1];
		int len = X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, common, sizeof(common));

		e = add_name(set, common, len > 0 ? (size_t)len : 0, context);
	}
	GENERAL_NAMES_free(names);
	return e;
}

static enum err add_identity(struct tls_store *store, struct tls_set *set, const struct tls_identity *identity, struct note *why)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	enum err e;

	if (!context)
		return ERR_TEMP;
	set->contexts[set->context_count++] = context;
	if (!prepare_context(context, store, set)) {
		explain(why, "TLS settings");
		return ERR_TEMP;
	}
	e = load_chain(context, identity->chain_pem, why);
	if (e == ERR_OK)
		e = load_key(context, identity->key_pem, why);
	if (e == ERR_OK)
		e = add_names(set, context);
	return e;
}

enum err tls_store_set(struct tls_store *store, const struct tls_identity *identities, size_t count, struct note *why)
{
	struct tls_set *set = calloc(1, sizeof(*set)), *old;
	enum err e = ERR_OK;

	if (!set)
		return ERR_TEMP;
	atomic_init(&set->references, 1);
	set->contexts = calloc(count ? count : 1, sizeof(SSL_CTX *));
	if (!set->contexts)
		e = ERR_TEMP;
	for (size_t i = 0; e == ERR_OK && i < count; i++)
		e = add_identity(store, set, &identities[i], why);
	if (e != ERR_OK || count == 0) {
		if (e == ERR_OK)
			note_set(why, "no certificate");
		tls_set_release(&set);
		return e == ERR_OK ? ERR_STATE : e;
	}
	if (set->name_count > 0)
		qsort(set->names, set->name_count, sizeof(*set->names), compare_names);
	pthread_mutex_lock(&store->lock);
	old = store->set;
	store->set = set;
	pthread_mutex_unlock(&store->lock);
	tls_set_release(&old);
	return ERR_OK;
}

enum err tls_store_ssl(struct tls_store *store, struct ssl_st **ssl_out, struct tls_set **set_out)
{
	struct tls_set *set;

	pthread_mutex_lock(&store->lock);
	set = store->set;
	if (set)
		atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
	pthread_mutex_unlock(&store->lock);
	if (!set)
		return ERR_STATE;
	*ssl_out = SSL_new(set->contexts[0]);
	if (!*ssl_out) {
		tls_set_release(&set);
		return ERR_TEMP;
	}
	*set_out = set;
	return ERR_OK;
}
