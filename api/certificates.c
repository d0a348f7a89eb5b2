/* api/certificates.c: /certificates: chains and keys that were brought here, by name. A key goes in and never comes out. */
#include <jansson.h>

#include "api/given.h"
#include "api/listing.h"
#include "api/resources.h"
#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/crypto/x509.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

#define STORED_MAX ((size_t)64 << 20)
#define CERTIFICATES_MAX 200

/* What is stored, with the keys: for the call, and wiped behind it. */
struct stored {
	struct arena arena;
	struct stored_certificate *list;
	size_t count;
};

static enum err stored_read(struct api_call *c, struct stored *out)
{
	*out = (struct stored){ .count = 0 };
	arena_init(&out->arena, STORED_MAX);
	return directory_certificates(c->context->directory, &out->arena, &out->list, &out->count);
}

static void stored_wipe(struct stored *s)
{
	for (size_t i = 0; i < s->count; i++)
		explicit_bzero((void *)(uintptr_t)s->list[i].key_pem.ptr, s->list[i].key_pem.len);
	arena_clear(&s->arena);
}

static const struct stored_certificate *stored_find(const struct stored *s, struct span name)
{
	for (size_t i = 0; i < s->count; i++)
		if (span_equals(s->list[i].name, name))
			return &s->list[i];
	return NULL;
}

static json_t *certificate_json(const struct stored_certificate *stored, bool whole)
{
	struct x509_info info;
	struct buf fingerprint;
	json_t *out;

	if (x509_check(stored->chain_pem, stored->key_pem, &info, NULL) != ERR_OK)
		return json_pack("{s:o, s:b}", "name", json_span(stored->name), "is_usable", 0);
	buf_init(&fingerprint, 128);
	hex_encode(span_make((const char *)info.sha256, sizeof(info.sha256)), &fingerprint);
	out = json_pack("{s:o, s:b, s:o, s:b, s:o, s:o, s:o}", "name", json_span(stored->name), "is_usable", info.not_after_ms > clock_real_ms(), "subject", json_span(span_str(info.subject)),
			"self_signed", (int)info.self_signed, "not_before", json_time(info.not_before_ms), "not_after", json_time(info.not_after_ms), "sha256", json_span(buf_span(&fingerprint)));
	buf_clear(&fingerprint);
	if (whole)
		json_object_set_new(out, "chain_pem", json_span(stored->chain_pem));
	return out;
}

static struct span key(void *arg, size_t i)
{
	return ((const struct stored *)arg)->list[i].name;
}

static int compare(void *arg, size_t i, struct span after)
{
	return span_compare(key(arg, i), after);
}

static json_t *show(void *arg, size_t i)
{
	return certificate_json(&((const struct stored *)arg)->list[i], false);
}

void api_certificates_list(struct api_call *c)
{
	struct stored stored;
	enum err e = stored_read(c, &stored);
	struct listing listing = { .arg = &stored, .count = stored.count, .key = key, .compare = compare, .show = show };

	if (e)
		call_reply_error(c, e, NULL);
	else
		listing_reply(c, &listing);
	stored_wipe(&stored);
}

/* Null JSON: there is none. Null: answered. */
static json_t *now(struct api_call *c, struct span name, size_t *count_out)
{
	const struct stored_certificate *found;
	struct stored stored;
	enum err e = stored_read(c, &stored);
	json_t *out = NULL;

	if (e) {
		call_abandon(c, e, NULL);
	} else {
		found = stored_find(&stored, name);
		out = found ? certificate_json(found, true) : json_null();
	}
	*count_out = stored.count;
	stored_wipe(&stored);
	return out;
}

void api_certificate_get(struct api_call *c)
{
	size_t count;
	json_t *out = now(c, given_domain(c, c->args[0]), &count);

	if (!out)
		return;
	if (json_is_null(out))
		call_reply_problem(c, 404, "not_found", NULL, "there is no such certificate");
	else
		call_reply_json(c, 200, &out);
}

/* *field: that is not right. ERR_DENIED: it is another host's. */
static enum err check(struct api_call *c, struct span name, const char **field, struct note *why)
{
	struct x509_info info;
	struct note names;
	enum err e;

	*field = NULL;
	if (address_domain_normal(c->args[0], &c->arena, &name) != ERR_OK) {
		note_set(why, "a certificate is kept under a host name");
		return ERR_SYNTAX;
	}
	*field = "chain_pem";
	if (x509_holds_key(body_text(c, "chain_pem"))) {
		note_set(why, "there is a private key among the certificates: it belongs into key_pem alone");
		return ERR_SYNTAX;
	}
	e = x509_check(body_text(c, "chain_pem"), body_text(c, "key_pem"), &info, why);
	if (!e && info.not_after_ms <= clock_real_ms()) {
		note_set(why, "the certificate has run out");
		e = ERR_SYNTAX;
	}
	if (!e && !x509_covers(body_text(c, "chain_pem"), name, &names)) {
		note_set(why, "the certificate is for other names: %s", names.text);
		e = ERR_DENIED;
	}
	return e;
}

static void reload(struct api_call *c)
{
	if (c->context->reload_certificates)
		c->context->reload_certificates(c->context->arg);
}

/* `before` is taken. */
static void put(struct api_call *c, struct span name, json_t *before)
{
	const struct stored_certificate given = { name, body_text(c, "chain_pem"), body_text(c, "key_pem") };
	const bool is_new = json_is_null(before);
	struct change change = { .verb = is_new ? "create" : "update", .subject = name, .event = EVENT_CERTIFICATE_CHANGED };
	const char *field;
	struct note why = { "" };
	enum err e = check(c, name, &field, &why);
	json_t *out;

	if (!e)
		e = directory_certificate_set(c->context->directory, name, given.chain_pem, given.key_pem, &why);
	if (e) {
		json_decref(before);
		given_is_wrong(c, e, field, &why);
		if (e == ERR_DENIED)
			call_reply_problem(c, 422, "certificate_name", field, "%s", why.text);
		return;
	}
	out = certificate_json(&given, true);
	change.before = is_new ? NULL : before;
	change.after = certificate_json(&given, false);
	json_object_set_new(change.after, "key_pem", json_string("***"));
	if (is_new)
		call_location(c, "certificates", name);
	if (call_finish(c, is_new ? 201 : 200, &out, &change))
		reload(c);
}

void api_certificate_put(struct api_call *c)
{
	struct span name = given_domain(c, c->args[0]);
	struct note why = { "" };
	size_t count;
	json_t *before;

	if (!call_begin(c))
		return;
	before = now(c, name, &count);
	if (!before)
		return;
	if (json_is_null(before) && count >= CERTIFICATES_MAX) {
		note_set(&why, "at most %d certificates", CERTIFICATES_MAX);
		call_abandon(c, ERR_LIMIT, &why);
	} else if (call_if_match(c, before)) {
		put(c, name, before);
	} else {
		json_decref(before);
	}
}

void api_certificate_delete(struct api_call *c)
{
	struct span name = given_domain(c, c->args[0]);
	struct change change = { .verb = "delete", .subject = name, .event = EVENT_CERTIFICATE_CHANGED };
	struct note why = { "" };
	size_t count;
	enum err e = ERR_NOT_FOUND;

	if (!call_begin(c))
		return;
	change.before = now(c, name, &count);
	if (!change.before)
		return;
	if (json_is_null(change.before))
		note_set(&why, "there is no such certificate");
	else if (call_if_match(c, change.before))
		e = directory_certificate_remove(c->context->directory, name, &why);
	else
		e = ERR_OK;
	if (e) {
		json_decref(change.before);
		call_abandon(c, e, &why);
	} else if (!c->open) {
		json_decref(change.before); /* answered: it has changed meanwhile */
	} else if (call_finish(c, 204, NULL, &change)) {
		reload(c);
	}
}
