/* api/passkey_host.c: the relying party of WebAuthn is the host name, over TLS that browsers trust. */
#include "api/passkey_host.h"

#include <jansson.h>

#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/crypto/x509.h"
#include "daemon/directory/manage.h"

#define CERTIFICATES_BYTES_MAX ((size_t)64 << 20)
#define FIELD_BYTES_MAX 65536

/* https://HOST or https://HOST:PORT */
static bool is_origin_of(struct span origin, struct span host)
{
	if (!span_starts(origin, SPAN("https://")))
		return false;
	origin = span_skip(origin, 8);
	return span_istarts(origin, host) && (origin.len == host.len || origin.ptr[host.len] == ':');
}

static bool is_trusted(const struct stored_certificate *s)
{
	struct x509_info info;

	return x509_check(s->chain_pem, s->key_pem, &info, NULL) == ERR_OK && !info.self_signed && info.not_after_ms > clock_real_ms();
}

static bool has_certificate(struct api_call *c, struct span host)
{
	struct stored_certificate *list;
	struct arena arena;
	bool found = false;
	size_t count;

	arena_init(&arena, CERTIFICATES_BYTES_MAX);
	if (directory_certificates(c->context->directory, &arena, &list, &count) != ERR_OK)
		count = 0;
	for (size_t i = 0; i < count; i++) {
		if (span_iequals(list[i].name, host))
			found = found || is_trusted(&list[i]);
		explicit_bzero((void *)(uintptr_t)list[i].key_pem.ptr, list[i].key_pem.len);
	}
	arena_clear(&arena);
	return found;
}

bool passkey_host(struct api_call *c, struct span *rp_id_out)
{
	const struct snapshot *s = call_directory(c);

	*rp_id_out = arena_copy(&c->arena, snapshot_hostname(s));
	call_release(c, &s);
	if (!is_origin_of(c->request->origin, *rp_id_out)) {
		call_reply_problem(c, 409, "not_this_host", NULL, "passkeys work at https://%.*s only", (int)rp_id_out->len, rp_id_out->ptr);
		return false;
	}
	if (!has_certificate(c, *rp_id_out)) {
		call_reply_problem(c, 409, "certificate_not_trusted", NULL, "browsers use passkeys only where they trust the certificate, and that of %.*s is self-signed or has run out: bring one that is not",
				   (int)rp_id_out->len, rp_id_out->ptr);
		return false;
	}
	return true;
}

bool passkey_bytes(struct api_call *c, const char *field, struct span *out)
{
	struct buf bytes;
	bool good;

	buf_init(&bytes, FIELD_BYTES_MAX);
	good = base64url_decode(body_text(c, field), &bytes) == ERR_OK;
	*out = arena_copy(&c->arena, buf_span(&bytes));
	buf_clear(&bytes);
	if (!good)
		call_reply_problem(c, 422, "invalid", field, "that is not base64url without padding");
	return good;
}

json_t *passkey_text(struct span bytes)
{
	struct buf text;
	json_t *out;

	buf_init(&text, FIELD_BYTES_MAX * 2);
	base64url_encode(bytes, &text);
	out = json_span(buf_span(&text));
	buf_clear(&text);
	return out;
}
