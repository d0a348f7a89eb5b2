/* relay/limits.h: how long we wait for other servers (RFC 5321 4.5.3.2) and how much of them we take. */
#ifndef POSTROOM_RELAY_LIMITS_H
#define POSTROOM_RELAY_LIMITS_H

#define RELAY_DNS_MS 8000
#define RELAY_CONNECT_MS 30000
#define RELAY_GREETING_MS 300000
#define RELAY_COMMAND_MS 300000
#define RELAY_DATA_MS 120000
#define RELAY_BLOCK_MS 180000
#define RELAY_FINAL_MS 600000
#define RELAY_QUIT_MS 2000
/* All of an attempt, but for the wait behind the final dot: who answers each command just in time holds no thread for a day. */
#define RELAY_ATTEMPT_MS 1800000
#define RELAY_BYTES_PER_MS 4 /* more time for what is large */

#define RELAY_MAX_HOSTS 5
#define RELAY_MAX_ADDRESSES 10
#define RELAY_MAX_ADDRESSES_PER_HOST 4
#define RELAY_MAX_REPLY_LINES 128
#define RELAY_REPLY_TEXT 1000 /* kept of a reply */
#define RELAY_WINDOW 50       /* RCPT commands sent before their replies are read */
#define RELAY_BLOCK 32768
#define RELAY_HEADER_MAX (256u * 1024u) /* looked at for 8-bit */
#define RELAY_HOST_TEXT 256

#endif
