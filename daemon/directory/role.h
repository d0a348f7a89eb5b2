/* directory/role.h: who manages whom: the one rule, for every door through which administrators come. */
#ifndef POSTROOM_DIRECTORY_ROLE_H
#define POSTROOM_DIRECTORY_ROLE_H

#include "daemon/directory/directory.h"

/* Accounts of that role, within the domains that it reaches. */
bool role_manages(enum role by, enum role of);
/* The same, and it reaches the domain. Who is disabled manages nobody. */
bool account_manages(const struct account *by, const struct account *of);

#endif
