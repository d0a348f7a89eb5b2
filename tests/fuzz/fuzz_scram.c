/* fuzz/fuzz_scram.c: the client's messages of SCRAM through a whole exchange; the input is client-first, a line end, client-final, in which
 * '%' stands for the server's part of the nonce. Nobody gets in, and what is read lies inside of what was said. */
#include <stdlib.h>

#include "daemon/auth/scram.h"
#include "daemon/auth/scram_parse.h"
#include "daemon/mime/saslprep.h"
#include "daemon/net/session.h"
#include "tests/fuzz/auth_world.h"

#define FINAL_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void inside(struct span part, struct span whole)
{
	must(part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void parse_first(struct span message)
{
	struct scram_client_first c;
	struct buf name;

	if (scram_parse_first(message, &c) != ERR_OK)
		return;
	inside(c.nonce, c.bare);
	inside(c.username, c.bare);
	must(c.gs2_header.len + c.bare.len == message.len && c.nonce.len > 0 && c.username.len > 0);
	must((c.flag == SCRAM_BOUND) == (c.binding_name.len > 0));
	buf_init(&name, message.len);
	if (scram_unescape(c.username, &name) == ERR_OK)
		must(name.len <= c.username.len);
	buf_clear(&name);
}

static void parse_final(struct span message)
{
	struct scram_client_final c;

	if (scram_parse_final(message, &c) != ERR_OK)
		return;
	inside(c.binding, c.without_proof);
	inside(c.nonce, c.without_proof);
	must(c.without_proof.len + 3 + c.proof.len == message.len);
}

static void prepare(struct span password)
{
	struct buf once, twice;

	buf_init(&once, 4096);
	buf_init(&twice, 65536);
	if (saslprep(password, &once) == ERR_OK) {
		must(span_is_utf8(buf_span(&once)));
		/* What is prepared stays as it is. */
		if (saslprep(buf_span(&once), &twice) == ERR_OK)
			must(span_equals(buf_span(&once), buf_span(&twice)));
	}
	buf_clear(&once);
	buf_clear(&twice);
}

/* The last 24 characters of the nonce of server-first are the server's. */
static void fill_in(struct span final, struct span server_first, struct buf *out)
{
	size_t at = 0;

	if (!span_find(server_first, SPAN(",s="), &at) || at < 24)
		at = 24;
	for (size_t i = 0; i < final.len; i++) {
		if (final.ptr[i] == '%' && server_first.len >= at)
			buf_add(out, span_make(server_first.ptr + at - 24, 24));
		else
			buf_add_char(out, final.ptr[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct session_binding binding = { .exporter_len = 32, .end_point_len = 32 };
	const struct auth_world *w = auth_world();
	struct span rest = span_make((const char *)data, size), first = SPAN(""), flags;
	struct buf said, final;
	struct auth_result result;
	struct scram *s;

	if (size < 1)
		return 0;
	flags = span_take(rest, 1);
	rest = span_skip(rest, 1);
	prepare(rest);
	if (!span_split(&rest, '\n', &first) || !rest.ptr)
		rest = SPAN("");
	parse_first(first);
	parse_final(rest);
	buf_init(&said, SCRAM_REPLY_MAX);
	buf_init(&final, FINAL_MAX);
	must(scram_begin(w->auth, AUTH_IMAP, flags.ptr[0] & 1, flags.ptr[0] & 2, &binding, NULL, &s) == ERR_OK);
	if (scram_first(s, first, &said) == ERR_OK) {
		must(span_starts(buf_span(&said), SPAN("r=")));
		fill_in(rest, buf_span(&said), &final);
		buf_reset(&said);
		must(scram_final(s, buf_span(&final), &said, &result) != ERR_OK && result.verdict != AUTH_OK && said.len == 0);
	}
	scram_free(&s);
	buf_clear(&said);
	buf_clear(&final);
	return 0;
}
