/* tests/faults/check_store.c: check_store DATA_DIR: every account below DATA_DIR/accounts keeps the store's rules.
 * While the daemon is down. What breaks them is printed; exit 1. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/store/check.h"
#include "db/db.h"

static bool check_account(struct store *s, uint64_t id)
{
	struct mailstore *m = NULL;
	struct note why = { "" };
	enum err e = store_open(s, id, &m, &why);

	if (!e)
		e = store_check(m, &why);
	if (e)
		printf("account %llu: %s: %s\n", (unsigned long long)id, err_name(e), why.text);
	if (m)
		store_close(&m);
	return !e;
}

static bool check_accounts(struct store *s, const char *accounts_dir)
{
	DIR *dir = opendir(accounts_dir);
	const struct dirent *entry;
	bool is_good = dir;

	while (dir && (entry = readdir(dir)) != NULL) {
		char *end;
		uint64_t id = strtoull(entry->d_name, &end, 10);

		if (id && !*end)
			is_good = check_account(s, id) && is_good;
	}
	if (dir)
		closedir(dir);
	else
		printf("%s cannot be read\n", accounts_dir);
	return is_good;
}

int main(int argc, char **argv)
{
	struct store *s = NULL;
	struct note why = { "" };
	char accounts_dir[4096];
	bool is_good = false;

	if (argc != 2) {
		fprintf(stderr, "usage: check_store DATA_DIR\n");
		return 64;
	}
	(void)snprintf(accounts_dir, sizeof(accounts_dir), "%s/accounts", argv[1]);
	if (db_init() || store_new(&(struct store_config){ .accounts_dir = accounts_dir, .max_open = 4 }, &s, &why))
		printf("%s: %s\n", accounts_dir, why.text);
	else
		is_good = check_accounts(s, accounts_dir);
	store_free(&s);
	return is_good ? 0 : 1;
}
