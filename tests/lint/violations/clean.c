/* violates clean as daemon/net/sample.c */
/* net/sample.c: a sample. */
#include "daemon/net/sample.h"

#include <errno.h>
#include <unistd.h>

/* What stands in a comment is no finding: default: and atoi(). */
static const char text[] = "atoi( default: /* */ //";

enum err sample_close(int fd, struct note *why)
{
	if (close(fd) == 0)
		return ERR_OK;
	note_set_errno(why, errno, "%s", text);
	return ERR_TEMP;
}
/* and as daemon/net/sample.h */
/* net/sample.h: a sample. */
#ifndef POSTROOM_NET_SAMPLE_H
#define POSTROOM_NET_SAMPLE_H

#include "daemon/base/err.h"

enum err sample_close(int fd, struct note *why) MUST_CHECK;

#endif
/* and as daemon/smtp/sample.c */
/* smtp/sample.c: a sample. */
#include "daemon/net/sample.h"

static int sample(int fd)
{
	switch (fd) {
	case 0: return 1;
	default: return sample_close(fd, NULL) == ERR_OK;
	}
}
/* and as daemon/base/err.h */
/* base/err.h: a sample. */
#ifndef POSTROOM_BASE_ERR_H
#define POSTROOM_BASE_ERR_H

#endif
