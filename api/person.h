/* api/person.h: what the handlers of /session, /me, /tokens and /users share: ids, app passwords, verdicts of logins, cookies. Internal to api/. */
#ifndef POSTROOM_API_PERSON_H
#define POSTROOM_API_PERSON_H

#include "api/call.h"

struct app_password;
struct totp_result;

/* "ses_17" to 17. False: not of the form. */
bool person_id(struct span text, struct span prefix, uint64_t *out);
struct span person_id_text(struct api_call *c, const char *prefix, uint64_t id);

struct json_t *person_protocols_json(unsigned bits);
/* The reverse; names that are none are left out (the schema lets none through). */
unsigned person_protocols_of(const struct span *names, size_t count);
struct json_t *person_app_password_json(struct api_call *c, const struct app_password *p);

/* Of an app password or token: what is not right with it? False: answered, 422 with the field. */
bool person_may_give(struct api_call *c, struct span label, const struct span *networks, size_t network_count, int64_t expires_ms);

/* Answers what a password or code was not: 401 to whoever logs in, 422 within a session, which goes on; 429 with Retry-After, 503; holds the answer back as the throttle says. `field` may be null. */
void person_reply_verdict(struct api_call *c, const struct auth_result *result, const char *field);
void person_reply_code(struct api_call *c, const struct totp_result *result, const char *field);

/* A new session for the account, and the answer with its cookie. Raises login.succeeded. */
void person_log_in(struct api_call *c, uint64_t account_id);
/* The session of the call: id, csrf_token, user... */
void person_reply_session(struct api_call *c, int status, uint64_t session_id, struct span cookie, bool proven, uint64_t account_id);
void person_forget_cookie(struct api_call *c);

#endif
