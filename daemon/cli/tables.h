/* cli/tables.h: the verbs, one table a group of nouns; internal to cli/. */
#ifndef POSTROOM_CLI_TABLES_H
#define POSTROOM_CLI_TABLES_H

#include "daemon/cli/verbs.h"

struct verb_table {
	const struct verb *list;
	size_t count;
};

extern const struct verb_table verbs_system;    /* the instance: serve, setup, status, settings, certificates, configuration */
extern const struct verb_table verbs_directory; /* domains, users, aliases */
extern const struct verb_table verbs_mail;      /* relays, trace, sending, local submitters */
extern const struct verb_table verbs_queue;     /* the queue and what steers it */
extern const struct verb_table verbs_access;    /* tokens, admins, refusals, audit, events, webhooks, jobs */
extern const struct verb_table verbs_words;     /* the command line itself */

#endif
