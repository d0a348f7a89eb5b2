/* imap/share_rate.h: how often an account may change grants: by SETACL, and by what it makes below a mailbox that has some. */
#ifndef POSTROOM_IMAP_SHARE_RATE_H
#define POSTROOM_IMAP_SHARE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define SHARE_RATE_BURST 1000 /* a client that shares a whole tree */
#define SHARE_RATE_MS 100     /* one more after each of these */

/* False: too often; nothing is counted then. `now_ms`: monotonic. From any thread. */
bool share_rate_take(uint64_t account_id, int64_t now_ms);

#endif
