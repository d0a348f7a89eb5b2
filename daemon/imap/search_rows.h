/* imap/search_rows.h: how SORT and THREAD begin alike: a search, and then the messages found are read one after the other. Internal to cmd_sort.c and cmd_thread.c. */
#ifndef POSTROOM_IMAP_SEARCH_ROWS_H
#define POSTROOM_IMAP_SEARCH_ROWS_H

#include "daemon/imap/search_run.h"

/* The first member of the command's work. */
struct search_rows {
	struct search_work *search;
	struct uid_set set; /* what was found */
	uint32_t after_uid; /* read up to here */
	bool end;           /* all are read */
	enum step (*found)(struct imap_session *s, struct out *out);
};

/* `size` bytes of zeroed work as s->run.work. `found` goes on with the command once all is found, and is called again after STEP_MORE. */
enum step search_rows_begin(struct imap_session *s, size_t size, enum step (*found)(struct imap_session *s, struct out *out), struct out *out);

#endif
