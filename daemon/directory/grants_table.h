/* directory/grants_table.h: making the table of grants; for files of directory/ only. What others see of it is in grants.h. */
#ifndef POSTROOM_DIRECTORY_GRANTS_TABLE_H
#define POSTROOM_DIRECTORY_GRANTS_TABLE_H

#include "daemon/directory/grants.h"

struct db;

/* Reads all in the transaction that `db` is in. References: one. */
enum err grants_build(struct db *db, const struct grants **out) MUST_CHECK;

#endif
