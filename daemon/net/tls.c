/* net/tls.c: TLS handles over sockets.
 *
 * The socket is reached through a BIO of ours, for two reasons: a write to a peer that has gone must not raise SIGPIPE,
 * and a read that came back short tells that the socket is empty, which saves asking it again.
 */
#include "daemon/net/tls.h"

/* OpenSSL has a type of the name of our ERR_STATE. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct tls {
	SSL *ssl;
	struct tls_set *set; /* servers: what SSL's context points into */
	int fd;
	bool drained; /* the last recv() took all there was */
	bool eof;
	bool verifies;       /* clients: the server's certificate is looked at */
	unsigned long error; /* OpenSSL's code of the failure */
};

struct tls_client {
	SSL_CTX *context;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *socket_method;

static int socket_write(BIO *bio, const char *from, int len)
{
	const struct tls *t = BIO_get_data(bio);
	ssize_t sent;

	BIO_clear_retry_flags(bio);
	do
		sent = send(t->fd, from, (size_t)len, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN))
		BIO_set_retry_write(bio);
	return (int)sent;
}

static int socket_read(BIO *bio, char *to, int size)
{
	struct tls *t = BIO_get_data(bio);
	ssize_t got;

	BIO_clear_retry_flags(bio);
	do
		got = recv(t->fd, to, (size_t)size, 0);
	while (got < 0 && errno == EINTR);
	t->drained = got < size;
	t->eof = got == 0;
	if (got < 0 && errno == EAGAIN)
		BIO_set_retry_read(bio);
	return (int)got;
}

static long socket_ctrl(BIO *bio, int what, long number, void *pointer)
{
	const struct tls *t = BIO_get_data(bio);

	(void)number;
	(void)pointer;
	if (what == BIO_CTRL_FLUSH)
		return 1;
	return what == BIO_CTRL_EOF && t && t->eof;
}

static int socket_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static void init_once(void)
{
	OPENSSL_init_ssl(0, NULL);
	socket_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postroom socket");
	if (!socket_method)
		abort(); /* out of memory before the first thread */
	BIO_meth_set_write(socket_method, socket_write);
	BIO_meth_set_read(socket_method, socket_read);
	BIO_meth_set_ctrl(socket_method, socket_ctrl);
	BIO_meth_set_create(socket_method, socket_create);
}

void tls_init(void)
{
	pthread_once(&once, init_once);
}

/* Takes `ssl` and `set`, also when it fails. */
static enum err wrap(SSL *ssl, struct tls_set *set, int fd, struct tls **out)
{
	struct tls *t = calloc(1, sizeof(*t));
	BIO *bio;

	tls_init();
	bio = BIO_new(socket_method);
	if (!t || !bio) {
		free(t);
		BIO_free(bio);
		SSL_free(ssl);
		tls_set_release(&set);
		return ERR_TEMP;
	}
	*t = (struct tls){ .ssl = ssl, .set = set, .fd = fd };
	BIO_set_data(bio, t);
	SSL_set_bio(ssl, bio, bio);
	*out = t;
	return ERR_OK;
}

enum err tls_server_new(struct tls_store *store, int fd, struct tls **out)
{
	SSL *ssl;
	struct tls_set *set;
	enum err e = tls_store_ssl(store, &ssl, &set);

	if (e != ERR_OK)
		return e;
	SSL_set_accept_state(ssl);
	return wrap(ssl, set, fd, out);
}

void tls_free(struct tls **t)
{
	struct tls *gone = *t;

	*t = NULL;
	if (!gone)
		return;
	SSL_free(gone->ssl);
	tls_set_release(&gone->set);
	free(gone);
}

static enum tls_want want_of(struct tls *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ: return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE: return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN: return TLS_CLOSED;
	default: /* an OpenSSL integer, not an enum of ours */
		t->error = ERR_peek_error();
		ERR_clear_error();
		return TLS_FAILED;
	}
}

enum tls_want tls_handshake(struct tls *t)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(t->ssl);
	return result == 1 ? TLS_DONE : want_of(t, result);
}

enum tls_want tls_read(struct tls *t, char *to, size_t size, size_t *count_out)
{
	int result;

	ERR_clear_error();
	t->drained = false; /* a read that finds its bytes in SSL's buffer says nothing about the socket */
	result = SSL_read_ex(t->ssl, to, size, count_out);
	return result == 1 ? TLS_DONE : want_of(t, result);
}

enum tls_want tls_write(struct tls *t, struct span from, size_t *count_out)
{
	int result;

	ERR_clear_error();
	result = SSL_write_ex(t->ssl, from.ptr, from.len, count_out);
	return result == 1 ? TLS_DONE : want_of(t, result);
}

bool tls_has_pending(const struct tls *t)
{
	return SSL_has_pending(t->ssl) == 1;
}

bool tls_is_drained(const struct tls *t)
{
	return t->drained;
}

void tls_shutdown(struct tls *t)
{
	ERR_clear_error();
	if (SSL_is_init_finished(t->ssl) && t->error == 0)
		SSL_shutdown(t->ssl);
	ERR_clear_error();
}

const char *tls_version(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}

bool tls_own_is_self_signed(const struct tls *t)
{
	X509 *own = SSL_get_certificate(t->ssl);

	return own && (X509_get_extension_flags(own) & EXFLAG_SS) != 0;
}

const char *tls_cipher(const struct tls *t)
{
	return SSL_get_cipher_name(t->ssl);
}

size_t tls_exporter(const struct tls *t, uint8_t out[TLS_EXPORTER_BYTES])
{
	static const char label[] = "EXPORTER-Channel-Binding";
	int ok;

	/* Below 1.3 it is unique only with an extended master secret (RFC 9266 section 4.2). */
	if (SSL_version(t->ssl) < TLS1_3_VERSION)
		return 0;
	ERR_clear_error();
	ok = SSL_export_keying_material(t->ssl, out, TLS_EXPORTER_BYTES, label, sizeof(label) - 1, NULL, 0, 0);
	ERR_clear_error();
	return ok == 1 ? TLS_EXPORTER_BYTES : 0;
}

size_t tls_end_point(const struct tls *t, uint8_t out[TLS_END_POINT_MAX])
{
	const X509 *cert = SSL_is_server(t->ssl) ? SSL_get_certificate(t->ssl) : SSL_get0_peer_certificate(t->ssl);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int nid = NID_undef;

	ERR_clear_error();
	/* Signatures without a hash of their own (Ed25519) leave the binding undefined. */
	if (!cert || !X509_get_signature_info((X509 *)(uintptr_t)cert, &nid, NULL, NULL, NULL) || nid == NID_undef) {
		ERR_clear_error();
		return 0;
	}
	if (nid == NID_md5 || nid == NID_sha1)
		nid = NID_sha256;
	if (!X509_digest(cert, EVP_get_digestbynid(nid), digest, &len) || len > TLS_END_POINT_MAX)
		len = 0;
	memcpy(out, digest, len);
	ERR_clear_error();
	return len;
}

enum err tls_client_new(const char *ca_file, struct tls_client **out, struct note *why)
{
	struct tls_client *c = calloc(1, sizeof(*c));
	const char *reason;
	int ok;

	tls_init();
	if (!c)
		return ERR_TEMP;
	c->context = SSL_CTX_new(TLS_client_method());
	if (!c->context) {
		free(c);
		return ERR_TEMP;
	}
	SSL_CTX_set_options(c->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(c->context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(c->context, 1);
	SSL_CTX_set_session_cache_mode(c->context, SSL_SESS_CACHE_OFF);
	ok = SSL_CTX_set_min_proto_version(c->context, TLS1_2_VERSION) && SSL_CTX_dane_enable(c->context) == 1;
	ok = ok && (ca_file ? SSL_CTX_load_verify_file(c->context, ca_file) : SSL_CTX_set_default_verify_paths(c->context));
	if (ok) {
		*out = c;
		return ERR_OK;
	}
	reason = ERR_reason_error_string(ERR_peek_error());
	note_set(why, "%s: %s", ca_file ? ca_file : "system CA certificates", reason ? reason : "not usable");
	ERR_clear_error();
	tls_client_free(&c);
	return ERR_NOT_FOUND;
}

void tls_client_free(struct tls_client **c)
{
	struct tls_client *gone = *c;

	*c = NULL;
	if (!gone)
		return;
	SSL_CTX_free(gone->context);
	free(gone);
}

enum err tls_connect_new(struct tls_client *c, int fd, const struct tls_expect *expect, struct tls **out)
{
	SSL *ssl = SSL_new(c->context);
	enum err e;

	if (!ssl)
		return ERR_TEMP;
	SSL_set_connect_state(ssl);
	e = tls_expect_set(ssl, expect);
	if (e != ERR_OK) {
		SSL_free(ssl);
		return e;
	}
	e = wrap(ssl, NULL, fd, out);
	if (e == ERR_OK)
		(*out)->verifies = expect->verify != TLS_VERIFY_NONE;
	return e;
}

bool tls_peer_verified(const struct tls *t)
{
	/* Before a certificate was seen the result reads as if it were good. */
	return t->verifies && SSL_get0_peer_certificate(t->ssl) && SSL_get_verify_result(t->ssl) == X509_V_OK;
}

enum tls_trouble tls_trouble(const struct tls *t)
{
	enum tls_trouble of_certificate = t->verifies ? tls_expect_trouble(t->ssl) : TLS_TROUBLE_NONE;

	if (of_certificate != TLS_TROUBLE_NONE)
		return of_certificate;
	return SSL_is_init_finished(t->ssl) && !t->error ? TLS_TROUBLE_NONE : TLS_TROUBLE_OTHER;
}

void tls_explain(const struct tls *t, struct note *why)
{
	long verified = SSL_get_verify_result(t->ssl);
	const char *reason = t->error ? ERR_reason_error_string(t->error) : NULL;

	if (t->verifies && verified != X509_V_OK)
		note_set(why, "%s", X509_verify_cert_error_string(verified));
	else
		note_set(why, "%s", reason ? reason : t->eof ? "connection closed by the peer"
							     : "connection lost");
}
