/* cli/sendmail.h: sendmail(1), mailq(1) and newaliases(1): other names of this program. */
#ifndef POSTROOM_CLI_SENDMAIL_H
#define POSTROOM_CLI_SENDMAIL_H

#include <stdbool.h>

/* Is that what argv[0] says? */
bool sendmail_is_name(const char *program);
/* The exit status (sysexits.h). */
int sendmail_run(int argc, char **argv);

#endif
