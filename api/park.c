/* api/park.c: calls that wait for a slow answer: no thread waits with them.
 *
 *   NONE --call_park_password--> ASKED --park_waits--> WAITING --password_known, resume()--> api_continue()
 *                                  |
 *                                  +--password_known--> ANSWERED: the thread that asked goes on
 *
 * Whoever comes second of the two threads goes on with the call: the exchange of `park` decides it.
 */
#include "api/park.h"

enum { PARK_NONE,
       PARK_ASKED,
       PARK_WAITING,
       PARK_ANSWERED };

static void password_known(void *arg, const struct auth_result *result)
{
	struct api_call *c = arg;
	void (*resume)(void *resume_arg) = c->resume;
	void *resume_arg = c->resume_arg;

	c->password_result = *result;
	if (atomic_exchange(&c->park, PARK_ANSWERED) == PARK_WAITING)
		resume(resume_arg);
}

void call_park_password(struct api_call *c, struct span login, struct span password, void (*then)(struct api_call *c))
{
	c->then = then;
	atomic_store(&c->park, PARK_ASKED);
	auth_check_password(c->context->auth, AUTH_WEB, login, password, &c->request->peer, password_known, c);
}

const struct auth_result *call_password_result(const struct api_call *c)
{
	return &c->password_result;
}

bool park_waits(struct api_call *c)
{
	int asked = PARK_ASKED;

	return c->then && atomic_compare_exchange_strong(&c->park, &asked, PARK_WAITING);
}
