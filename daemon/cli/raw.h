/* cli/raw.h: any method and path of the API; internal to cli/. */
#ifndef POSTROOM_CLI_RAW_H
#define POSTROOM_CLI_RAW_H

#include "daemon/cli/arguments.h"

/* postroom api METHOD PATH [--data JSON|@FILE|-] [--content-type TYPE] [--if-match ETAG] [--include] */
int run_raw(struct arguments *a);

#endif
