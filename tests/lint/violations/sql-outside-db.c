/* violates sql-outside-db as daemon/store/sample.c */
/* store/sample.c: a sample. */
static const char sql[] = "SELECT uid FROM message WHERE mailbox = ?1";
