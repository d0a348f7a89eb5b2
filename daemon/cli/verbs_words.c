/* cli/verbs_words.c: the command line itself. */
#include "daemon/cli/tables.h"

/* clang-format off */
static const struct verb list[] = {
	{ .noun = "completion", .summary = "print the completion script of a shell", .kind = VERB_COMPLETION, .arguments = {
		{ "SHELL", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, true, "bash zsh fish", NULL },
	} },
	{ .noun = "manual", .summary = "print a manual page's source", .kind = VERB_MANUAL, .arguments = {
		{ "PAGE", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, false, "postroom postroom.conf sendmail", NULL },
	} },
	{ .noun = "help", .summary = "how the program, a noun or a verb is used", .kind = VERB_HELP, .arguments = {
		{ "NOUN", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, false, NULL, NULL },
		{ "VERB", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, false, NULL, NULL },
	} },
	{ .noun = "version", .summary = "print the version", .kind = VERB_VERSION },
};
/* clang-format on */

const struct verb_table verbs_words = { list, sizeof list / sizeof list[0] };
