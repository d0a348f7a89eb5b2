/* db/read_ahead.h: reading handles that fetch what comes next of a file in large pieces.
 *
 * Messages lie in chains of pages that mostly follow each other; a read of 4 KiB costs more in the call than in the copy. A mapping of the file
 * would save more, but a disk that fails would then end the daemon, and each page looked at would count as its memory.
 */
#ifndef POSTROOM_DB_READ_AHEAD_H
#define POSTROOM_DB_READ_AHEAD_H

/* Once, in db_init(). The name for sqlite3_open_v2(), null when it can't be had: then the usual one does. For handles that only read. */
const char *read_ahead_register(void);

#endif
