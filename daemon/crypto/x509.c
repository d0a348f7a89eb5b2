/* crypto/x509.c: certificates, made and read with OpenSSL. */
/* OpenSSL has a type of this name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "daemon/crypto/x509.h"

#include <arpa/inet.h>
#include <limits.h>
#include <time.h>

#include "daemon/base/rng.h"

#define SERIAL_BYTES 16
#define COMMON_NAME_MAX 64 /* RFC 5280 appendix A.1: ub-common-name */
#define DNS_NAME_MAX 253
#define CHAIN_MAX 10

/* What the library said last, as words for the operator. */
static void note_library(struct note *why, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	note_set(why, "%s: %s", what, reason ? reason : "not usable");
	ERR_clear_error();
}

static bool is_dns_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!ascii_is_alpha(name[i]) && !ascii_is_digit(name[i]) && !strchr("-._*", name[i]))
			return false;
	}
	return true;
}

static bool push_name(GENERAL_NAMES *names, int type, const void *bytes, int len)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = type == GEN_DNS ? ASN1_IA5STRING_new() : ASN1_OCTET_STRING_new();

	if (!name || !value || !ASN1_STRING_set(value, bytes, len)) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(value);
		return false;
	}
	GENERAL_NAME_set0_value(name, type, value);
	if (!sk_GENERAL_NAME_push(names, name)) {
		GENERAL_NAME_free(name);
		return false;
	}
	return true;
}

static enum err add_alternative_names(X509 *cert, const char *const *names, size_t count)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	unsigned char address[sizeof(struct in6_addr)];
	enum err e = list ? ERR_OK : ERR_TEMP;
	bool is_pushed;

	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		if (inet_pton(AF_INET, names[i], address) == 1) {
			is_pushed = push_name(list, GEN_IPADD, address, 4);
		} else if (inet_pton(AF_INET6, names[i], address) == 1) {
			is_pushed = push_name(list, GEN_IPADD, address, 16);
		} else if (is_dns_name(names[i])) {
			is_pushed = push_name(list, GEN_DNS, names[i], (int)strlen(names[i]));
		} else {
			e = ERR_SYNTAX;
			break;
		}
		if (!is_pushed)
			e = ERR_TEMP;
	}
	if (e == ERR_OK && X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) != 1)
		e = ERR_TEMP;
	GENERAL_NAMES_free(list);
	return e;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool is_added;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	is_added = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return is_added;
}

static bool set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *number;
	bool is_set;

	/* RFC 5280 4.1.2.2: positive. */
	rng_bytes(bytes, sizeof bytes);
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
	number = BN_bin2bn(bytes, sizeof bytes, NULL);
	is_set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	return is_set;
}

static bool set_subject(X509 *cert, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	/* A name too long for a CN stands in the alternative names alone; the subject still must not be empty. */
	if (strlen(name) > COMMON_NAME_MAX)
		name = "postroom";
	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) &&
	       X509_set_issuer_name(cert, subject);
}

static enum err fill_certificate(X509 *cert, EVP_PKEY *key, const char *const *names, size_t count, int days)
{
	enum err e = add_alternative_names(cert, names, count);

	if (e != ERR_OK)
		return e;
	if (!X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -3600) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, NULL) ||
	    !set_subject(cert, names[0]) || !X509_set_pubkey(cert, key))
		return ERR_TEMP;
	if (!add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") ||
	    !add_extension(cert, NID_key_usage, "critical,digitalSignature") ||
	    !add_extension(cert, NID_ext_key_usage, "serverAuth") ||
	    !add_extension(cert, NID_subject_key_identifier, "hash") ||
	    !X509_sign(cert, key, EVP_sha256()))
		return ERR_TEMP;
	return ERR_OK;
}

static bool add_pem(BIO *bio, struct buf *out)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);

	if (len <= 0)
		return false;
	buf_add(out, span_make(bytes, (size_t)len));
	return !out->failed;
}

static enum err write_pem(X509 *cert, EVP_PKEY *key, struct buf *chain_pem, struct buf *key_pem)
{
	BIO *cert_bio = BIO_new(BIO_s_mem());
	BIO *key_bio = BIO_new(BIO_s_secmem());
	enum err e = ERR_TEMP;

	if (cert_bio && key_bio && PEM_write_bio_X509(cert_bio, cert) &&
	    PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL))
		e = add_pem(cert_bio, chain_pem) && add_pem(key_bio, key_pem) ? ERR_OK : ERR_LIMIT;
	BIO_free(key_bio);
	BIO_free(cert_bio);
	return e;
}

enum err x509_self_signed(const char *const *names, size_t count, int days, struct buf *chain_pem, struct buf *key_pem, struct note *why)
{
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	enum err e = ERR_TEMP;

	if (count == 0 || days <= 0) {
		note_set(why, "a certificate needs a name and a day");
		return ERR_SYNTAX;
	}
	key = EVP_EC_gen("P-256");
	cert = X509_new();
	if (key && cert)
		e = fill_certificate(cert, key, names, count, days);
	if (e == ERR_OK)
		e = write_pem(cert, key, chain_pem, key_pem);
	if (e == ERR_SYNTAX)
		note_set(why, "not a DNS name or an address");
	else if (e != ERR_OK)
		note_library(why, "self-signed certificate");
	ERR_clear_error();
	X509_free(cert);
	EVP_PKEY_free(key);
	return e;
}

/* An encrypted key has no one to ask: the library would prompt on the terminal. */
static int no_password(char *to, int size, int is_writing, void *data)
{
	(void)to, (void)size, (void)is_writing, (void)data;
	return -1;
}

static int64_t time_ms(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

static bool fill_info(X509 *cert, struct x509_info *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned len = 0;
	int got;

	*out = (struct x509_info){
		.not_before_ms = time_ms(X509_get0_notBefore(cert)),
		.not_after_ms = time_ms(X509_get0_notAfter(cert)),
		.self_signed = X509_self_signed(cert, 1) == 1
	};
	if (!bio)
		return false;
	X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_ONELINE);
	got = BIO_read(bio, out->subject, sizeof out->subject - 1);
	out->subject[got > 0 ? got : 0] = '\0';
	BIO_free(bio);
	return X509_digest(cert, EVP_sha256(), out->sha256, &len) == 1 && len == sizeof out->sha256;
}

/* The certificates behind the leaf must be readable too: half a file is noticed here and not by the first peer. */
static bool is_rest_readable(BIO *bio)
{
	X509 *cert;

	for (int i = 0; i < CHAIN_MAX; i++) {
		cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);
		if (!cert)
			return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
		X509_free(cert);
	}
	return false;
}

enum err x509_check(struct span chain_pem, struct span key_pem, struct x509_info *out, struct note *why)
{
	BIO *chain_bio = chain_pem.len <= INT_MAX ? BIO_new_mem_buf(chain_pem.ptr ? chain_pem.ptr : "", (int)chain_pem.len) : NULL;
	BIO *key_bio = key_pem.len <= INT_MAX ? BIO_new_mem_buf(key_pem.ptr ? key_pem.ptr : "", (int)key_pem.len) : NULL;
	enum err e = ERR_SYNTAX;
	X509 *cert = chain_bio ? PEM_read_bio_X509(chain_bio, NULL, no_password, NULL) : NULL;
	EVP_PKEY *key = NULL;

	if (!cert || !is_rest_readable(chain_bio)) {
		note_library(why, "certificate");
		goto out;
	}
	ERR_clear_error();
	key = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, no_password, NULL) : NULL;
	if (!key) {
		note_library(why, "private key");
	} else if (X509_check_private_key(cert, key) != 1) {
		note_set(why, "the private key does not belong to the certificate");
	} else if (!fill_info(cert, out)) {
		note_library(why, "certificate");
		e = ERR_TEMP;
	} else {
		e = ERR_OK;
	}
out:
	ERR_clear_error();
	EVP_PKEY_free(key);
	X509_free(cert);
	BIO_free(key_bio);
	BIO_free(chain_bio);
	return e;
}

/* ---- names ---- */

/* Whoever made the certificate chose the bytes: what can't be a host name is not repeated. */
static void add_dns_name(struct buf *out, const ASN1_STRING *name)
{
	struct buf text;

	buf_init(&text, DNS_NAME_MAX + 1);
	buf_add(&text, span_make((const char *)ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name)));
	buf_add_char(&text, '\0');
	if (!text.failed && strlen(text.ptr) + 1 == text.len && is_dns_name(text.ptr))
		buf_addf(out, "%s%s", out->len ? ", " : "", text.ptr);
	buf_clear(&text);
}

static void add_address(struct buf *out, const ASN1_STRING *address)
{
	const int len = ASN1_STRING_length(address);
	char text[INET6_ADDRSTRLEN];

	if ((len == 4 || len == 16) && inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text, sizeof text))
		buf_addf(out, "%s%s", out->len ? ", " : "", text);
}

static void list_names(const X509 *cert, struct note *names)
{
	GENERAL_NAMES *list = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	struct buf text;
	size_t kept = 0;
	int i;

	buf_init(&text, sizeof names->text - 16);
	for (i = 0; i < sk_GENERAL_NAME_num(list) && !text.failed; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(list, i);

		kept = text.len;
		if (name->type == GEN_DNS)
			add_dns_name(&text, name->d.dNSName);
		else if (name->type == GEN_IPADD)
			add_address(&text, name->d.iPAddress);
	}
	if (text.failed)
		note_set(names, "%.*s and others", (int)kept, text.ptr);
	else
		note_set(names, "%.*s", (int)(text.len ? text.len : 4), text.len ? text.ptr : "none");
	GENERAL_NAMES_free(list);
	buf_clear(&text);
}

bool x509_covers(struct span chain_pem, struct span host, struct note *names)
{
	BIO *bio = chain_pem.len <= INT_MAX ? BIO_new_mem_buf(chain_pem.ptr ? chain_pem.ptr : "", (int)chain_pem.len) : NULL;
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
	unsigned char address[sizeof(struct in6_addr)];
	char text[DNS_NAME_MAX + 1];
	bool covers = false;

	note_set(names, "none");
	if (cert && host.len > 0 && host.len <= DNS_NAME_MAX && host.ptr[0] != '.') {
		snprintf(text, sizeof text, "%.*s", (int)host.len, host.ptr);
		if (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1)
			covers = X509_check_ip_asc(cert, text, 0) == 1;
		else
			covers = X509_check_host(cert, host.ptr, host.len, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
		list_names(cert, names);
	}
	ERR_clear_error();
	X509_free(cert);
	BIO_free(bio);
	return covers;
}

bool x509_holds_key(struct span pem)
{
	size_t at;

	return span_find(pem, SPAN("PRIVATE KEY-----"), &at);
}
