/* relay/limits.h: how long we wait for other servers (RFC 5321 4.5.3.2) and how much of them we take. */
#ifndef POSTROOM_RELAY_LIMITS_H
#define POSTROOM_RELAY_LIMITS_H

#define RELAY_DNS_MS 8000
#define RELAY_CONNECT_MS 30000
#define RELAY_CONNECT_FIRST_MS 8000 /* where there is another address to try: one that is dead in a family must not cost minutes */
#define RELAY_GREETING_MS 300000
#define RELAY_COMMAND_MS 300000
#define RELAY_DATA_MS 120000
#define RELAY_BLOCK_MS 180000
#define RELAY_FINAL_MS 600000
#define RELAY_QUIT_MS 2000
/* All of an attempt, but for the wait behind the final dot: who answers each command just in time holds no thread for a day. */
#define RELAY_ATTEMPT_MS 1800000
#define RELAY_BYTES_PER_MS 4 /* more time for what is large */

#define RELAY_MAX_NAMES 10 /* of MX records that are asked about, until so many are hosts: */
#define RELAY_MAX_HOSTS 5
#define RELAY_MAX_ADDRESSES 10
#define RELAY_MAX_ADDRESSES_PER_HOST 4
#define RELAY_MAX_REPLY_LINES 128
#define RELAY_REPLY_TEXT 1000 /* kept of a reply */
#define RELAY_WINDOW 50       /* RCPT commands sent before their replies are read */
#define RELAY_BLOCK 32768
#define RELAY_CHUNK 65536     /* of BDAT */
#define RELAY_CHUNKS_AHEAD 4  /* sent before the answer to the first is read */
#define RELAY_TRANSACTIONS 20 /* on one connection for one attempt, where the server takes few recipients at a time */

#define KEPT_MS 4000
#define KEPT_ANSWER_MS 5000 /* for the answer to MAIL, until a fresh one is tried: the other end may be there and not alive any more */
#define KEPT_MESSAGES 100   /* that one connection carries */
#define KEPT_PER_KEY 10     /* as many as may be at work for one destination: when they have come to rest at once, each was in use a moment ago */
#define KEPT_MAX 64
#define KEPT_FLUSH_MS 100
#define RELAY_HEADER_MAX (256u * 1024u) /* looked at for 8-bit */
#define RELAY_HOST_TEXT 256

#endif
