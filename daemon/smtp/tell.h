/* smtp/tell.h: refusals at the door, for the trace and the watchers. */
#ifndef POSTROOM_SMTP_TELL_H
#define POSTROOM_SMTP_TELL_H

#include "daemon/smtp/session.h"

void smtp_tell_refused(const struct smtp_config *config, const struct smtp_refusal *r);

#endif
