/* cli/setting.h: settings: a change names what it saw; internal to cli/. */
#ifndef POSTROOM_CLI_SETTING_H
#define POSTROOM_CLI_SETTING_H

#include "daemon/cli/arguments.h"

/* postroom setting {show,set,reset} NAME [VALUE] */
int run_setting(struct arguments *a);

#endif
