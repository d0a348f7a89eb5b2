/* ops/process.c: see the header. */
#include "daemon/ops/process.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "daemon/base/bug.h"

void process_prepare(sigset_t *signals)
{
	struct rlimit files;
	const char *on_bug = getenv("POSTROOM_BUG");

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write past the limit of a file's size is a full disk */
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, signals, NULL); /* threads inherit it: signals come to sigwaitinfo only */
	if (on_bug && strcmp(on_bug, "abort") == 0)
		bug_set_hook(abort);
	/* Under systemd the unit sets the limit and forbids this: then it stays as it is. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

int process_exit_status(enum err e)
{
	switch (e) {
	case ERR_STATE:
	case ERR_TEMP: return EX_TEMPFAIL; /* another process holds the folder */
	case ERR_SYNTAX: return EX_CONFIG;
	case ERR_CORRUPT: return EX_IOERR;
	case ERR_OK:
	case ERR_DENIED:
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
	case ERR_LIMIT: break;
	}
	return EX_NOPERM;
}
