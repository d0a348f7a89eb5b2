/* cli/local.c: api_run() without the daemon. */
#include "daemon/cli/local.h"

#include "api/api.h"
#include "daemon/base/clock.h"
#include "daemon/ops/ground.h"
#include "db/db.h"

enum err local_request(const struct config *c, bool create, const char *method, struct span path, struct span body, int *status_out, struct buf *response, struct note *why)
{
	struct api_request request = { .method = span_str(method), .path = path, .body = body, .upload_fd = -1, .caller = API_LOCAL_OWNER, .local_name = SPAN("command line") };
	struct api_response answer;
	struct api_context context = { .started_ms = clock_real_ms() };
	struct ground ground;
	enum err e = db_init();

	if (e == ERR_OK && create)
		e = ground_prepare(c, why);
	if (e == ERR_OK)
		e = ground_open(c, create, NULL, &ground, why);
	if (e != ERR_OK)
		return e;
	context.directory = ground.directory;
	api_response_init(&answer);
	api_run(&context, &request, &answer);
	*status_out = answer.status;
	buf_add(response, buf_span(&answer.body));
	api_response_clear(&answer);
	ground_close(&ground);
	return ERR_OK;
}
