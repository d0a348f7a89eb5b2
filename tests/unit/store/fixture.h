/* tests/unit/store/fixture.h: a store in a temporary folder, and messages to put into it. */
#ifndef POSTROOM_TESTS_STORE_FIXTURE_H
#define POSTROOM_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/store/check.h"
#include "daemon/store/mailbox.h"
#include "daemon/store/message.h"
#include "daemon/store/store.h"
#include "daemon/store/view.h"

struct fixture {
	char dir[64];
	char accounts[128];
	struct store *store;
	struct mailstore *m; /* account 1 */
	struct arena arena;
	bool search_index; /* of the next opening */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Closes the store and opens it again, as a restart does. */
void fixture_restart(struct fixture *f);
/* The second half of that. */
void fixture_reopen(struct fixture *f);

struct new_message fixture_message(const char *subject, uint64_t flags);
uint32_t fixture_append(struct fixture *f, uint64_t mailbox_id, const char *subject, uint64_t flags);
uint64_t fixture_mailbox(struct fixture *f, const char *name);
struct mailbox_info fixture_info(struct fixture *f, const char *name);
/* Writes a synced file of that size; the path in the arena. */
const char *fixture_file(struct fixture *f, const char *name, size_t size);
size_t fixture_count_files(struct fixture *f);
void fixture_check(struct fixture *f);

#define SET(first, last) \
	(&(struct uid_set){ &(struct uid_range){ first, last }, 1 })

#endif
