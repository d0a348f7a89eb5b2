/* api/setup.c: /setup: once, the domain and its owner. */
#include <jansson.h>

#include "api/pending.h"
#include "api/resources.h"
#include "daemon/auth/auth.h"
#include "daemon/directory/manage.h"

void api_setup_create(struct api_call *c)
{
	struct directory_setup setup = { 0 };
	struct span password = SPAN("");
	const struct body_field fields[] = {
		{ .name = "hostname", .kind = FIELD_STRING, .required = true, .string = &setup.hostname },
		{ .name = "domain", .kind = FIELD_STRING, .required = true, .string = &setup.domain },
		{ .name = "admin", .kind = FIELD_STRING, .required = true, .string = &setup.admin },
		{ .name = "password", .kind = FIELD_STRING, .required = true, .string = &password },
	};
	struct note why = { "" };
	struct buf hash;
	enum err e;
	json_t *out;

	if (!call_read_body(c, fields, sizeof fields / sizeof fields[0]))
		return;
	buf_init(&hash, 1024);
	e = auth_hash_password(password, &hash);
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
