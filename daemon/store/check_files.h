/* store/check_files.h: bodies that are files, and files that are nobody's body. For store/check*.c only. */
#ifndef POSTROOM_STORE_CHECK_FILES_H
#define POSTROOM_STORE_CHECK_FILES_H

#include "daemon/store/check_turn.h"

/* What is wrong with it: CHECK_FILE_MISSING, _SIZE, _UNREADABLE, or CHECK_FAULT_COUNT: nothing. */
enum check_fault check_file_look(struct checking *c, struct span name, uint64_t size);
/* A row names it, now. */
bool check_file_is_named(struct checking *c, const char *name);
/* Names in files/ that no row knows. ERR_STATE: enough. */
enum err check_files_left(struct checking *c) MUST_CHECK;

#endif
