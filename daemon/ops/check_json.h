/* ops/check_json.h: findings of a check as JSON, as control.db keeps and the API shows them. */
#ifndef POSTROOM_OPS_CHECK_JSON_H
#define POSTROOM_OPS_CHECK_JSON_H

#include "daemon/base/buf.h"
#include "daemon/store/check_report.h"

/* [{"fault", "words", "count", "repaired", "garbage", "places": [{"mailbox", "uid", "message_id", "subject", "detail", "repaired"}]}], a fault once. False: no memory. */
bool check_json(const struct check_report *report, struct buf *out);

#endif
