/* store/search_limits.h: every ceiling of the search index. */
#ifndef POSTROOM_STORE_SEARCH_LIMITS_H
#define POSTROOM_STORE_SEARCH_LIMITS_H

/* A text past one of these is marked as not being in the index whole: whoever searches reads it. */
#define SEARCH_TEXT_MAX (2u * 1024u * 1024u) /* of a part, and about that of a message */
#define SEARCH_TEXT_TERMS_MAX 65536
#define SEARCH_TERMS_MAX 16000000u /* of an account */
#define SEARCH_VOCABULARY_MAX (256u * 1024u * 1024u)

/* Where a batch is full. The last text may go past it by one text's measure. */
#define SEARCH_BATCH_TEXTS 1000
#define SEARCH_BATCH_TEXT_BYTES (8u * 1024u * 1024u)
#define SEARCH_BATCH_TERMS 65536
#define SEARCH_BATCH_TERM_BYTES (2u * 1024u * 1024u)
#define SEARCH_BATCH_PAIRS 262144

#define SEARCH_CHUNK (8u * 1024u) /* of the vocabulary */

/* Fresh pairs are turned round when there are an eighth of those posted, within these bounds. */
#define SEARCH_FRESH_MIN 262144
#define SEARCH_FRESH_MAX 1048576

#endif
