/* fuzz_api_body.c: requests of the local owner through the whole API over a real directory: query, cursor, headers and body are the
 * fuzzer's. The input is "METHOD /path?query", header lines, an empty line, the body. An answer that breaks the API's own rules aborts. */
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api.h"
#include "daemon/base/bug.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"
#include "db/db.h"

#define INPUTS_PER_DIRECTORY 5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[256];
static struct api_context api;
static unsigned inputs;

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void world_end(void)
{
	directory_close(&api.directory);
	if (folder[0])
		nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	folder[0] = 0;
}

static void world_begin(void)
{
	static const struct seal_key key = { { 1 } };
	static char path[300];
	static bool once;
	const struct directory_config config = { .path = path, .key = &key };
	const struct directory_setup setup = { SPAN("mail.example.org"), SPAN("example.org"), SPAN("owner@example.org"), SPAN("none") };
	const struct span targets[] = { SPAN("owner@example.org") };
	uint64_t id;

	if (!once) {
		struct note why;

		if (db_init() || api_init(&why))
			abort();
		bug_set_hook(abort);
		atexit(world_end);
	}
	once = true;
	snprintf(folder, sizeof folder, "%s/fuzz-api-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof path, "%s/control.db", folder);
	if (directory_open(&config, &api.directory, NULL) || directory_setup(api.directory, &setup, NULL))
		abort();
	if (directory_account_add(api.directory, SPAN("alice@example.org"), SPAN(""), ROLE_USER, &id, NULL) || directory_alias_add(api.directory, SPAN("sales@example.org"), targets, 1, NULL))
		abort();
}

static struct span next_line(struct span *rest)
{
	struct span line;

	return span_split(rest, '\n', &line) ? line : SPAN("");
}

static void read_request(struct span text, struct api_request *request)
{
	struct span rest = text, line = next_line(&rest), target;
	size_t at;

	*request = (struct api_request){ .caller = API_LOCAL_OWNER, .upload_fd = -1, .local_name = SPAN("uid 0"), .request_id = SPAN("req_0"), .origin = SPAN("https://mail.example.org") };
	target = line;
	if (span_split(&target, ' ', &request->method) && span_find_char(target, '?', &at)) {
		request->query = span_skip(target, at + 1);
		target = span_take(target, at);
	}
	request->path = target;
	while ((line = next_line(&rest)).len > 0) {
		const struct {
			struct span name;
			struct span *value;
		} headers[] = { { SPAN("If-Match: "), &request->if_match }, { SPAN("If-None-Match: "), &request->if_none_match }, { SPAN("Idempotency-Key: "), &request->idempotency_key }, { SPAN("Content-Type: "), &request->content_type } };

		for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
			if (span_starts(line, headers[i].name))
				*headers[i].value = span_skip(line, headers[i].name.len);
	}
	request->body = rest.ptr ? rest : SPAN("");
}

/* RFC 9457: a problem says its status and code; what says that it is JSON is JSON. */
static void check_answer(const struct api_response *r)
{
	struct span type = span_str(r->content_type);
	json_t *value;

	if (r->status < 200 || r->status > 599 || r->status == 500)
		abort();
	if (!span_equals(type, SPAN("application/json")) && !span_equals(type, SPAN("application/problem+json"))) {
		if (r->status >= 400)
			abort();
		return;
	}
	value = json_loadb(r->body.ptr, r->body.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!value)
		abort();
	if (r->status >= 400 && (json_integer_value(json_object_get(value, "status")) != r->status || !json_is_string(json_object_get(value, "code"))))
		abort();
	json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_request request;
	struct api_response response;

	if (!api.directory)
		world_begin();
	read_request(span_make((const char *)data, size), &request);
	if (request.path.len == 0)
		return 0;
	api_response_init(&response);
	api_run(&api, &request, &response);
	check_answer(&response);
	api_response_clear(&response);
	if (++inputs % INPUTS_PER_DIRECTORY == 0)
		world_end();
	return 0;
}
