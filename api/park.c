/* api/park.c: calls that wait for a slow answer: no thread waits with them.
 *
 *   NONE --call_park--> ASKED --park_waits--> WAITING --call_go_on, resume()--> api_continue()
 *                         |
 *                         +--call_go_on--> ANSWERED: the thread that asked goes on
 *
 * Whoever comes second of the two threads goes on with the call: the exchange of `park` decides it.
 */
#include "api/park.h"

enum { PARK_NONE,
       PARK_ASKED,
       PARK_WAITING,
       PARK_ANSWERED };

void call_park(struct api_call *c, void (*then)(struct api_call *c))
{
	c->then = then;
	atomic_store(&c->park, PARK_ASKED);
}

void call_go_on(struct api_call *c)
{
	void (*resume)(void *resume_arg) = c->resume;
	void *resume_arg = c->resume_arg;

	if (atomic_exchange(&c->park, PARK_ANSWERED) == PARK_WAITING)
		resume(resume_arg);
}

static void password_known(void *arg, const struct auth_result *result)
{
	struct api_call *c = arg;

	c->password_result = *result;
	call_go_on(c);
}

void call_park_password(struct api_call *c, struct span login, struct span password, void (*then)(struct api_call *c))
{
	call_park(c, then);
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
