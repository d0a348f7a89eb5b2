/* relay/ledger.h: relay.db, and the thread that writes what the relay has gathered in memory. Nothing in it is worth waiting for: durability NORMAL. */
#ifndef POSTROOM_RELAY_LEDGER_H
#define POSTROOM_RELAY_LEDGER_H

#include "db/db.h"

struct checkpointer;

#define LEDGER_GATHER_MS 60000
#define LEDGER_IDLE_MS 3600000

struct ledger;
struct ledger_config {
	const char *path;                  /* null: nothing is kept */
	struct checkpointer *checkpointer; /* may be null */
	void (*turn)(void *arg);           /* on the thread: within LEDGER_GATHER_MS of a nudge, each LEDGER_IDLE_MS, and at the end */
	void *arg;
};
/* A damaged file is put aside and begun anew; with one that can't be opened nothing is kept. */
enum err ledger_open(const struct ledger_config *config, struct ledger **out) MUST_CHECK;
/* Turns begin. */
enum err ledger_start(struct ledger *l, struct note *why) MUST_CHECK;
void ledger_close(struct ledger **l);
/* Never waits. */
void ledger_nudge(struct ledger *l);
/* One transaction; each at its time. ERR_STATE: nothing is kept. `written`: bytes, about; 0: it only reads. */
enum err ledger_run(struct ledger *l, enum err (*work)(struct db *db, void *arg), void *arg, size_t written) MUST_CHECK;

#endif
