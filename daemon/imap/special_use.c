/* imap/special_use.c: names of special uses. */
#include "daemon/imap/special_use.h"

static const struct span names[] = {
	[USE_NONE] = SPAN(""),
	[USE_DRAFTS] = SPAN("\\Drafts"),
	[USE_SENT] = SPAN("\\Sent"),
	[USE_JUNK] = SPAN("\\Junk"),
	[USE_TRASH] = SPAN("\\Trash"),
	[USE_ARCHIVE] = SPAN("\\Archive"),
	[USE_IMPORTANT] = SPAN("\\Important"),
};

struct span special_use_name(enum special_use use)
{
	return (size_t)use < sizeof names / sizeof *names ? names[use] : SPAN("");
}

enum special_use special_use_find(struct span name)
{
	for (unsigned use = USE_NONE + 1; use < sizeof names / sizeof *names; use++)
		if (span_iequals(name, span_skip(names[use], 1)))
			return (enum special_use)use;
	return USE_NONE;
}
