/* smtp/parse_param.h: what may follow the path of MAIL and RCPT. The errors are those of parse.h. */
#ifndef POSTROOM_SMTP_PARSE_PARAM_H
#define POSTROOM_SMTP_PARSE_PARAM_H

#include "daemon/smtp/parse.h"

/* The path is in *out already; `params` is what stands behind it. */
enum err smtp_parse_mail_params(struct span params, struct arena *cmd, struct smtp_mail *out) MUST_CHECK;
enum err smtp_parse_rcpt_params(struct span params, struct arena *cmd, struct smtp_rcpt *out) MUST_CHECK;

#endif
