/* api/plain.c: JSON of the web server's own answers. */
#include "api/plain.h"

#include <jansson.h>

#include "api/call.h"
#include "api/openapi.h"
#include "api/value.h"
#include "daemon/base/version.h"

/* Takes the value. */
static void write_line(json_t *value, struct buf *out)
{
	if (json_write(value, out))
		buf_add_char(out, '\n');
	json_decref(value);
}

void api_problem_write(const struct api_problem *p, struct buf *out)
{
	const char *title = "Error";
	struct buf type;
	int usual;

	(void)openapi_problem(p->code, &title, &usual);
	buf_init(&type, 1024);
	buf_add(&type, p->origin);
	buf_addf(&type, "/api/docs#%s", p->code);
	write_line(json_pack("{s:o, s:s, s:i, s:s, s:o, s:s, s:o}", "type", json_span(buf_span(&type)), "title", title, "status", p->status, "detail", p->detail, "instance", json_span(p->instance), "code", p->code, "request_id", json_span(p->request_id)), out);
	buf_clear(&type);
}

void api_health_write(const char *services, struct buf *out)
{
	json_t *health = json_pack("{s:s, s:b, s:s}", "status", services ? "ok" : "action", "set_up", services != NULL, "version", POSTROOM_VERSION);

	if (health && services)
		json_object_set_new(health, "services", json_string(services));
	write_line(health, out);
}

void api_ready_write(bool ready, struct buf *out)
{
	write_line(json_pack("{s:s}", "status", ready ? "ready" : "not_ready"), out);
}
