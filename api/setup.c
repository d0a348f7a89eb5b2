/* api/setup.c: /setup: once, the domain and its owner. */
#include <jansson.h>

#include "api/resources.h"
#include "daemon/auth/auth.h"
#include "daemon/directory/manage.h"

void api_setup_create(struct api_call *c)
{
	struct directory_setup setup = { .hostname = body_text(c, "hostname"), .domain = body_text(c, "domain"), .admin = body_text(c, "admin") };
	struct note why = { "" };
	struct buf hash;
	enum err e;
	json_t *out;

	buf_init(&hash, 1024);
	e = auth_hash_password(body_text(c, "password"), &hash);
	if (e == ERR_LIMIT) {
		note_set(&why, "a password has %d to %d characters", AUTH_PASSWORD_MIN, AUTH_PASSWORD_MAX);
	} else if (e == ERR_OK) {
		setup.password_hash = buf_span(&hash);
		e = directory_setup(c->context->directory, &setup, &why);
	}
	if (e == ERR_OK) {
		out = json_pack("{s:o, s:o, s:o}", "hostname", json_span(setup.hostname), "domain", json_span(setup.domain), "admin", json_span(setup.admin));
		call_reply_json(c, 201, &out);
	} else {
		call_reply_error(c, e, &why);
	}
	buf_wipe(&hash);
}
