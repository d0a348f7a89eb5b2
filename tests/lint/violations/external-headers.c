/* violates external-headers as daemon/store/sample.c */
/* store/sample.c: a sample. */
#include <sqlite3.h>
