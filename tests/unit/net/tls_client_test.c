/* net/tls.h: what a client expects of its server: names, dates, TLSA records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* OpenSSL has a type of the name of our ERR_STATE. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/net/tls.h"

#define HOST "mx.example.net"
#define DATA_MAX 2048

struct pair {
	X509 *cert;
	EVP_PKEY *key;
};

static struct pair authority, stranger;
static struct tls_client *client; /* trusts `authority` */
static uint8_t data[8][DATA_MAX];
static struct tls_tlsa records[8];
static size_t record_count;

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* `alternative` null: the name stands in the subject alone. `issuer` null: of itself, an authority. */
static struct pair make(const char *subject, const char *alternative, const struct pair *issuer, int days)
{
	struct pair p = { .cert = X509_new(), .key = EVP_EC_gen("P-256") };
	static long serial;
	char text[300];

	assert_non_null(p.key);
	X509_set_version(p.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(p.cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(p.cert), -30L * 86400);
	X509_gmtime_adj(X509_getm_notAfter(p.cert), days * 86400L);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(p.cert), "CN", MBSTRING_UTF8, (const unsigned char *)subject, -1, -1, 0);
	X509_set_issuer_name(p.cert, X509_get_subject_name(issuer ? issuer->cert : p.cert));
	X509_set_pubkey(p.cert, p.key);
	if (alternative) {
		snprintf(text, sizeof text, "DNS:%s", alternative);
		add_extension(p.cert, NID_subject_alt_name, text);
	}
	if (!issuer)
		add_extension(p.cert, NID_basic_constraints, "critical,CA:TRUE");
	assert_true(X509_sign(p.cert, issuer ? issuer->key : p.key, EVP_sha256()) > 0);
	return p;
}

static void drop(struct pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}

static int begin_all(void **state)
{
	char path[] = "/tmp/postroom-tls-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	(void)state;
	authority = make("Authority", NULL, NULL, 30);
	stranger = make("Stranger", NULL, NULL, 30);
	PEM_write_X509(f, authority.cert);
	fclose(f);
	assert_int_equal(tls_client_new(path, &client, NULL), ERR_OK);
	unlink(path);
	return 0;
}

static int end_all(void **state)
{
	(void)state;
	tls_client_free(&client);
	drop(&authority);
	drop(&stranger);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	record_count = 0;
	return 0;
}

/* A TLSA record that fits the certificate. */
static struct tls_tlsa *add_record(const X509 *cert, uint8_t usage, uint8_t selector, uint8_t matching)
{
	struct tls_tlsa *r = &records[record_count];
	uint8_t *to = data[record_count++], whole[DATA_MAX], *at = whole;
	int len = selector == 0 ? i2d_X509(cert, &at) : i2d_PUBKEY(X509_get0_pubkey(cert), &at);
	unsigned size = (unsigned)len;

	assert_true(len > 0);
	memcpy(to, whole, size);
	if (matching != 0)
		EVP_Digest(whole, (size_t)len, to, &size, matching == 1 ? EVP_sha256() : EVP_sha512(), NULL);
	*r = (struct tls_tlsa){ usage, selector, matching, span_make((const char *)to, size) };
	return r;
}

static struct span pem_of(BIO *bio)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);

	return span_make(bytes, (size_t)len);
}

struct outcome {
	enum err err; /* of making the handle */
	bool finished, verified;
	enum tls_trouble trouble;
	struct note why;
};

static struct outcome shake(struct tls *t, struct tls *server)
{
	struct outcome o = { .err = ERR_OK };
	enum tls_want want = TLS_WANT_READ, other = TLS_WANT_READ;

	for (int i = 0; i < 20 && want != TLS_DONE && want != TLS_FAILED; i++) {
		want = tls_handshake(t);
		if (other != TLS_DONE)
			other = tls_handshake(server);
	}
	o.finished = want == TLS_DONE;
	o.verified = tls_peer_verified(t);
	o.trouble = tls_trouble(t);
	if (!o.verified)
		tls_explain(t, &o.why);
	return o;
}

/* A handshake with a server that shows `leaf` and `issuer` behind it. */
static struct outcome meet(const struct pair *leaf, const struct pair *issuer, const struct tls_expect *expect)
{
	BIO *chain = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
	struct tls_identity identity;
	struct tls_store *store;
	struct tls *t = NULL, *server = NULL;
	struct outcome o = { 0 };
	int fds[2];

	PEM_write_bio_X509(chain, leaf->cert);
	if (issuer)
		PEM_write_bio_X509(chain, issuer->cert);
	PEM_write_bio_PrivateKey(key, leaf->key, NULL, NULL, 0, NULL, NULL);
	identity = (struct tls_identity){ pem_of(chain), pem_of(key) };
	assert_int_equal(tls_store_new(&store), ERR_OK);
	assert_int_equal(tls_store_set(store, &identity, 1, NULL), ERR_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(tls_server_new(store, fds[1], &server), ERR_OK);
	o.err = tls_connect_new(client, fds[0], expect, &t);
	if (o.err == ERR_OK)
		o = shake(t, server);
	tls_free(&t);
	tls_free(&server);
	tls_store_free(&store);
	BIO_free(chain);
	BIO_free(key);
	close(fds[0]);
	close(fds[1]);
	return o;
}

static struct outcome meet_dane(const struct pair *leaf, const struct pair *issuer)
{
	return meet(leaf, issuer, &(struct tls_expect){ .verify = TLS_VERIFY_DANE, .sni = HOST, .tlsa = records, .tlsa_count = record_count });
}

static void assert_good(struct outcome o)
{
	assert_int_equal(o.err, ERR_OK);
	assert_true(o.finished);
	assert_true(o.verified);
	assert_int_equal(o.trouble, TLS_TROUBLE_NONE);
}

static void assert_bad(struct outcome o, enum tls_trouble trouble, const char *words)
{
	assert_int_equal(o.err, ERR_OK);
	assert_false(o.finished);
	assert_false(o.verified);
	assert_int_equal(o.trouble, trouble);
	assert_non_null(strstr(o.why.text, words));
}

static void a_key_or_certificate_of_the_host_is_enough_whoever_signed_it(void **state)
{
	struct pair leaf = make(HOST, HOST, &stranger, 30);

	(void)state;
	for (uint8_t selector = 0; selector < 2; selector++) {
		for (uint8_t matching = 0; matching < 3; matching++) {
			record_count = 0;
			add_record(leaf.cert, 3, selector, matching);
			assert_good(meet_dane(&leaf, NULL));
		}
	}
	drop(&leaf);
}

/* RFC 7672 3.1.1: neither its names nor its dates mean anything. */
static void a_matched_key_needs_no_name_and_no_date(void **state)
{
	struct pair leaf = make("old.example.org", "old.example.org", &stranger, -1);

	(void)state;
	add_record(leaf.cert, 3, 1, 1);
	assert_good(meet_dane(&leaf, NULL));
	drop(&leaf);
}

static void one_of_several_records_has_to_fit(void **state)
{
	struct pair leaf = make(HOST, HOST, &stranger, 30);

	(void)state;
	add_record(stranger.cert, 3, 1, 1);
	add_record(leaf.cert, 3, 1, 1);
	assert_good(meet_dane(&leaf, NULL));
	drop(&leaf);
}

static void another_key_than_the_records_is_refused(void **state)
{
	struct pair leaf = make(HOST, HOST, &authority, 30);

	(void)state;
	/* A good certificate of an authority that we trust elsewhere. */
	add_record(stranger.cert, 3, 1, 1);
	assert_bad(meet_dane(&leaf, &authority), TLS_TROUBLE_TLSA, "TLSA");
	drop(&leaf);
}

static void a_trust_anchor_of_the_records_is_trusted_for_the_name(void **state)
{
	struct pair leaf = make(HOST, HOST, &stranger, 30), nameless = make(HOST, NULL, &stranger, 30);

	(void)state;
	add_record(stranger.cert, 2, 0, 1);
	assert_good(meet_dane(&leaf, &stranger));
	assert_good(meet_dane(&nameless, &stranger)); /* RFC 7672 3.2.3: the subject will do */
	drop(&leaf);
	drop(&nameless);
}

static void a_trust_anchor_does_not_excuse_name_date_or_another_authority(void **state)
{
	struct pair other = make("www.example.net", "www.example.net", &stranger, 30);
	struct pair expired = make(HOST, HOST, &stranger, -1);
	struct pair foreign = make(HOST, HOST, &authority, 30);

	(void)state;
	add_record(stranger.cert, 2, 1, 1);
	assert_bad(meet_dane(&other, &stranger), TLS_TROUBLE_HOST_MISMATCH, "ostname mismatch");
	assert_bad(meet_dane(&expired, &stranger), TLS_TROUBLE_EXPIRED, "expired");
	assert_bad(meet_dane(&foreign, &authority), TLS_TROUBLE_TLSA, "TLSA");
	drop(&other);
	drop(&expired);
	drop(&foreign);
}

/* RFC 7672 3.2.2: the host before its CNAME, and the domain itself. */
static void a_trust_anchor_may_vouch_for_any_of_the_names(void **state)
{
	static const char *const names[] = { HOST, "example.net" };
	struct pair leaf = make("example.net", "example.net", &stranger, 30);
	const struct tls_tlsa *r = add_record(stranger.cert, 2, 0, 2);

	(void)state;
	assert_good(meet(&leaf, &stranger, &(struct tls_expect){ .verify = TLS_VERIFY_DANE, .sni = HOST, .names = names, .name_count = 2, .tlsa = r, .tlsa_count = 1 }));
	drop(&leaf);
}

static void records_that_nothing_can_be_held_against_are_not_usable(void **state)
{
	struct pair leaf = make(HOST, HOST, &authority, 30);
	struct tls_tlsa *r;

	(void)state;
	for (uint8_t usage = 0; usage < 8; usage++) {
		r = add_record(leaf.cert, usage, 1, 1);
		assert_int_equal(tls_tlsa_is_usable(r), usage == 2 || usage == 3);
		record_count = 0;
	}
	r = add_record(leaf.cert, 3, 1, 1);
	r->selector = 2;
	assert_false(tls_tlsa_is_usable(r));
	r = add_record(leaf.cert, 3, 1, 1);
	r->matching = 3;
	assert_false(tls_tlsa_is_usable(r));
	r = add_record(leaf.cert, 3, 1, 1);
	r->data.len--;
	assert_false(tls_tlsa_is_usable(r));
	r = add_record(leaf.cert, 3, 1, 1);
	r->matching = 2;
	assert_false(tls_tlsa_is_usable(r));
	r = add_record(leaf.cert, 3, 1, 0);
	r->selector = 0;
	assert_false(tls_tlsa_is_usable(r));
	r = add_record(leaf.cert, 3, 0, 0);
	r->data.len--;
	assert_false(tls_tlsa_is_usable(r));
	assert_int_equal(meet_dane(&leaf, &authority).err, ERR_SYNTAX);
	/* They do not spoil one that is. */
	add_record(leaf.cert, 3, 1, 1);
	assert_good(meet_dane(&leaf, NULL));
	drop(&leaf);
}

static struct outcome meet_named(const struct pair *leaf, const struct pair *issuer, const char *const *names, size_t count, enum tls_verify verify)
{
	return meet(leaf, issuer, &(struct tls_expect){ .verify = verify, .sni = HOST, .names = names, .name_count = count });
}

static void names_are_looked_for_in_the_certificate_instead_of_the_host(void **state)
{
	static const char *const named[] = { "a.example.org", "b.example.net" }, *const below[] = { ".example.net" }, *const wide[] = { ".example.org" };
	struct pair leaf = make("b.example.net", "b.example.net", &authority, 30), wild = make("w", "*.example.net", &authority, 30);

	(void)state;
	assert_good(meet_named(&leaf, &authority, named, 2, TLS_VERIFY_NAME));
	assert_good(meet_named(&leaf, &authority, below, 1, TLS_VERIFY_NAME));
	assert_good(meet_named(&wild, &authority, named, 2, TLS_VERIFY_NAME));
	assert_good(meet_named(&wild, &authority, below, 1, TLS_VERIFY_NAME));
	assert_bad(meet_named(&leaf, &authority, wide, 1, TLS_VERIFY_NAME), TLS_TROUBLE_HOST_MISMATCH, "ostname mismatch");
	assert_bad(meet_named(&leaf, &authority, NULL, 0, TLS_VERIFY_NAME), TLS_TROUBLE_HOST_MISMATCH, "ostname mismatch");
	assert_good(meet_named(&wild, &authority, NULL, 0, TLS_VERIFY_NAME));
	drop(&leaf);
	drop(&wild);
}

static void a_name_in_the_subject_alone_is_none(void **state)
{
	struct pair leaf = make(HOST, NULL, &authority, 30);

	(void)state;
	assert_bad(meet_named(&leaf, &authority, NULL, 0, TLS_VERIFY_NAME), TLS_TROUBLE_HOST_MISMATCH, "ostname mismatch");
	drop(&leaf);
}

static void unknown_authorities_and_old_certificates_are_refused_by_their_reasons(void **state)
{
	struct pair foreign = make(HOST, HOST, &stranger, 30), expired = make(HOST, HOST, &authority, -1);

	(void)state;
	assert_bad(meet_named(&foreign, &stranger, NULL, 0, TLS_VERIFY_NAME), TLS_TROUBLE_NOT_TRUSTED, "certificate");
	assert_bad(meet_named(&expired, &authority, NULL, 0, TLS_VERIFY_NAME), TLS_TROUBLE_EXPIRED, "expired");
	drop(&foreign);
	drop(&expired);
}

static void a_try_goes_on_and_tells(void **state)
{
	struct pair good = make(HOST, HOST, &authority, 30), other = make("x.example", "x.example", &authority, 30);
	struct outcome o;

	(void)state;
	assert_good(meet_named(&good, &authority, NULL, 0, TLS_VERIFY_TRY));
	o = meet_named(&other, &authority, NULL, 0, TLS_VERIFY_TRY);
	assert_true(o.finished);
	assert_false(o.verified);
	assert_int_equal(o.trouble, TLS_TROUBLE_HOST_MISMATCH);
	assert_non_null(strstr(o.why.text, "ostname mismatch"));
	drop(&good);
	drop(&other);
}

static void who_asks_for_nothing_verifies_nothing(void **state)
{
	struct pair good = make(HOST, HOST, &authority, 30);
	struct outcome o;

	(void)state;
	o = meet_named(&good, &authority, NULL, 0, TLS_VERIFY_NONE);
	assert_true(o.finished);
	assert_false(o.verified);
	assert_int_equal(o.trouble, TLS_TROUBLE_NONE);
	drop(&good);
}

static void what_speaks_no_tls_is_no_matter_of_certificates(void **state)
{
	struct tls *t;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(tls_connect_new(client, fds[0], &(struct tls_expect){ .verify = TLS_VERIFY_NAME, .sni = HOST }, &t), ERR_OK);
	assert_int_equal(write(fds[1], "220 mail ready\r\n", 16), 16);
	while (tls_handshake(t) == TLS_WANT_READ)
		;
	assert_false(tls_peer_verified(t));
	assert_int_equal(tls_trouble(t), TLS_TROUBLE_OTHER);
	tls_free(&t);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_key_or_certificate_of_the_host_is_enough_whoever_signed_it, begin),
		cmocka_unit_test_setup(a_matched_key_needs_no_name_and_no_date, begin),
		cmocka_unit_test_setup(one_of_several_records_has_to_fit, begin),
		cmocka_unit_test_setup(another_key_than_the_records_is_refused, begin),
		cmocka_unit_test_setup(a_trust_anchor_of_the_records_is_trusted_for_the_name, begin),
		cmocka_unit_test_setup(a_trust_anchor_does_not_excuse_name_date_or_another_authority, begin),
		cmocka_unit_test_setup(a_trust_anchor_may_vouch_for_any_of_the_names, begin),
		cmocka_unit_test_setup(records_that_nothing_can_be_held_against_are_not_usable, begin),
		cmocka_unit_test_setup(names_are_looked_for_in_the_certificate_instead_of_the_host, begin),
		cmocka_unit_test_setup(a_name_in_the_subject_alone_is_none, begin),
		cmocka_unit_test_setup(unknown_authorities_and_old_certificates_are_refused_by_their_reasons, begin),
		cmocka_unit_test_setup(a_try_goes_on_and_tells, begin),
		cmocka_unit_test_setup(who_asks_for_nothing_verifies_nothing, begin),
		cmocka_unit_test_setup(what_speaks_no_tls_is_no_matter_of_certificates, begin),
	};

	return cmocka_run_group_tests(tests, begin_all, end_all);
}
