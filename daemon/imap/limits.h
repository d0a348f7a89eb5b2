/* imap/limits.h: every ceiling of an IMAP session. What comes from outside is compared with one of these first. */
#ifndef POSTROOM_IMAP_LIMITS_H
#define POSTROOM_IMAP_LIMITS_H

#define IMAP_TAG_MAX 64

/* One line without its literals, CRLF included. */
#define IMAP_LINE_START_MAX (8u * 1024u) /* before login */
#define IMAP_LINE_MAX (64u * 1024u)
#define IMAP_LITERAL_START_MAX (4u * 1024u) /* before login: LITERAL- (RFC 7888 section 5) */
#define IMAP_LITERAL_MAX (64u * 1024u)      /* but not APPEND's message */
#define IMAP_LITERALS_START_MAX 8
#define IMAP_LITERALS_MAX 1000
#define IMAP_COMMAND_START_MAX (16u * 1024u) /* lines and literals together */
#define IMAP_COMMAND_MAX (1024u * 1024u)

#define IMAP_MESSAGE_MAX 52428800                         /* bytes; plain digits: CAPABILITY shows it */
#define IMAP_APPEND_MESSAGES_MAX 10000                    /* of one MULTIAPPEND */
#define IMAP_APPEND_MEMORY_MAX (16u * 1024u * 1024u)      /* that its messages hold until they are filed together */
#define IMAP_APPEND_BYTES_MAX (1024ull * 1024ull * 1024u) /* in all, also on the disk */
#define IMAP_MESSAGELIMIT 100000                          /* messages that one command works on (RFC 9738); the same */
/* A refused non-synchronizing literal up to this size is read and forgotten; for a larger one the connection ends. */
#define IMAP_SWALLOW_MAX (64u * 1024u * 1024u)

#define IMAP_SET_RANGES_MAX 10000
#define IMAP_FLAGS_MAX 128
#define IMAP_KEYWORD_LENGTH_MAX 128
#define IMAP_FETCH_ITEMS_MAX 256
#define IMAP_FETCH_FIELDS_MAX 256
#define IMAP_SECTION_DEPTH_MAX 100
#define IMAP_SEARCH_NODES_MAX 1000
#define IMAP_SEARCH_KEYS_MAX 32     /* BODY and TEXT: each goes through all of a message's text within one turn */
#define IMAP_SEARCH_SOURCES_MAX 100 /* of ESEARCH */
#define IMAP_SEARCH_FUZZY_MAX 8     /* of FUZZY: each goes through all words of a text */
#define IMAP_CONTEXTS_MAX 16        /* searches that one session has kept up to date */
#define IMAP_CONTEXT_TREE_MAX (2u * IMAP_COMMAND_MAX)
#define IMAP_CONTEXT_WEIGHT_MAX 200000      /* ranges and sorted messages that all of them hold together, 8 bytes each at most */
#define IMAP_CONTEXT_SORT_MAX (64u * 1024u) /* what two messages are compared by */
#define IMAP_UIDBATCH_MIN 500               /* RFC 10022: servers need not cut finer */
#define IMAP_UIDBATCHES_MESSAGES_MAX 100000 /* that one UIDBATCHES with a range may span */
#define IMAP_UIDBATCHES_MAX 10000           /* ranges of one reply */
#define IMAP_PATTERN_MAX 1024               /* of LIST, after the reference */
#define IMAP_PATTERNS_MAX 32                /* of one LIST */
#define IMAP_NOTIFY_GROUPS_MAX 100
#define IMAP_NOTIFY_ACCOUNTS_MAX 200           /* others, whose mailboxes one session watches beside its own */
#define IMAP_FILTER_NAMES_MAX 10000            /* of one subtree or mailboxes */
#define IMAP_NOTIFY_MEMORY_MAX (1024u * 1024u) /* that a session keeps of what it asked for */
#define IMAP_METADATA_ENTRIES_MAX 1000         /* that one command names */
#define IMAP_ID_FIELDS_MAX 30                  /* RFC 2971 3.3 */
#define IMAP_URLS_MAX 100                      /* of one GENURLAUTH or URLFETCH */

#define IMAP_ARENA_MAX (64u * 1024u * 1024u)
#define IMAP_ACCOUNT_MEMORY_MAX (256u * 1024u * 1024u) /* in the arenas and unfiled messages of all sessions of an account */
#define IMAP_TURN_US 10000                             /* a long command yields after this long */
#define IMAP_ROW_PAUSE (1024u * 1024u)                 /* FETCH pauses inside a message above this much undelivered memory */
#define IMAP_STORE_BATCH 20000                         /* messages a commit of STORE */
#define IMAP_EXPUNGE_BATCH 5000                        /* messages a commit of EXPUNGE */
#define IMAP_SEARCH_BATCH 2000                         /* messages looked at before those in doubt are read */

#define IMAP_LOGIN_FAILURES_MAX 4
#define IMAP_BAD_START_MAX 10 /* BAD replies before login until BYE */
#define IMAP_BAD_MAX 50       /* in a row, after login */
#define IMAP_SESSIONS_PER_ACCOUNT 400

#define IMAP_PROGRESS_MS (10 * 1000)       /* RFC 9585 4: every 10 to 15 seconds */
#define IMAP_IDLE_NUDGE_MS (2 * 60 * 1000) /* routers that translate addresses forget quiet connections, many after five minutes */
#define IMAP_DEADLINE_START_MS (60 * 1000)
#define IMAP_DEADLINE_MS (30 * 60 * 1000) /* RFC 3501 5.4: at least 30 minutes */
#define IMAP_DEADLINE_LITERAL_MS (5 * 60 * 1000)

#endif
