/* fuzz/fuzz_webauthn.c: what browsers send: client data (JSON), attestation objects and keys (CBOR), authenticator data. The input is two
 * lengths of two bytes each, client data, an attestation object, and the rest as authenticator data; a '%' in the client data stands for a
 * challenge that is good. Nobody logs in, and what is measured lies inside of what was sent. */
#include <stdlib.h>

#include "daemon/auth/passkey.h"
#include "daemon/auth/passkey_cbor.h"
#include "daemon/auth/passkey_json.h"
#include "daemon/base/encode.h"
#include "tests/fuzz/auth_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void read_parts(struct span bytes, struct arena *arena)
{
	struct client_data client;
	struct verify_key key;
	struct span data;
	size_t len;

	if (cbor_measure(bytes, &len) == ERR_OK)
		must(len > 0 && len <= bytes.len);
	if (cbor_read_attestation(bytes, arena, &data) == ERR_OK)
		must(data.len < bytes.len);
	if (cose_read_key(bytes, arena, &key) == ERR_OK && crypto_verify_check_key(&key) == ERR_OK)
		must(crypto_verify(&key, bytes, bytes) != ERR_OK);
	if (client_data_read(bytes, arena, &client) == ERR_OK)
		must(client.challenge.len < bytes.len && span_is_utf8(client.origin));
}

static struct span take(struct span *rest, size_t count)
{
	struct span part = span_take(*rest, count);

	*rest = span_skip(*rest, count);
	return part;
}

static void fill_in(struct auth *auth, uint64_t account_id, struct span client, struct buf *out)
{
	uint8_t challenge[PASSKEY_CHALLENGE_BYTES];

	passkey_challenge(auth, account_id, challenge);
	for (size_t i = 0; i < client.len; i++) {
		if (client.ptr[i] == '%')
			base64url_encode(span_make((const char *)challenge, sizeof(challenge)), out);
		else
			buf_add_char(out, client.ptr[i]);
	}
}

static void enroll(const struct auth_world *w, struct span client, struct span object)
{
	struct passkey_registration given = { .rp_id = SPAN("mail.example.org"), .origin = SPAN("https://mail.example.org"), .attestation_object = object, .label = SPAN("key") };
	struct passkey *keys;
	struct arena arena;
	struct buf text;
	struct note why;
	size_t count;
	uint64_t id;

	buf_init(&text, CLIENT_DATA_MAX * 2);
	fill_in(w->auth, w->bob, client, &text);
	given.client_data = buf_span(&text);
	must(directory_begin(w->directory, NULL) == ERR_OK);
	if (passkey_register(w->auth, w->bob, &given, &id, &why) == ERR_OK) {
		arena_init(&arena, 1u << 20);
		must(passkey_list(w->auth, w->bob, &arena, &keys, &count) == ERR_OK && count == 1 && keys[0].id == id);
		arena_clear(&arena);
	}
	directory_end(w->directory);
	buf_clear(&text);
}

static void log_in(const struct auth_world *w, struct span client, struct span object, struct span data)
{
	struct passkey_assertion given = { .rp_id = SPAN("mail.example.org"), .origin = SPAN("https://mail.example.org"), .credential = object, .authenticator_data = data, .signature = object };
	uint8_t handle[PASSKEY_USER_BYTES];
	uint64_t account;
	int64_t delay_ms;
	struct buf text;
	struct note why;

	buf_init(&text, CLIENT_DATA_MAX * 2);
	fill_in(w->auth, 0, client, &text);
	passkey_user_handle(w->auth, w->bob, handle);
	given.client_data = buf_span(&text);
	given.user_handle = span_make((const char *)handle, sizeof(handle));
	must(passkey_login(w->auth, &given, NULL, &account, &delay_ms, &why) != ERR_OK && account == 0);
	buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct auth_world *w = auth_world();
	struct span rest = span_make((const char *)data, size), client, object;
	struct arena arena;

	arena_init(&arena, 1u << 20);
	read_parts(rest, &arena);
	arena_clear(&arena);
	if (size < 4)
		return 0;
	rest = span_skip(rest, 4);
	client = take(&rest, (size_t)data[0] << 8 | data[1]);
	object = take(&rest, (size_t)data[2] << 8 | data[3]);
	read_parts(object, &arena);
	arena_clear(&arena);
	enroll(w, client, object);
	log_in(w, client, object, rest);
	return 0;
}
