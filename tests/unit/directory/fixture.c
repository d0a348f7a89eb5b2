#include "tests/unit/directory/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/db.h"

struct directory *fixture_open(struct fixture *f)
{
	struct directory_config config = { f->path, &f->key, NULL };
	struct directory *d;
	struct note why = { "" };

	if (directory_open(&config, &d, &why))
		fail_msg("%s", why.text);
	return d;
}

uint64_t fixture_find(struct directory *d, const char *login)
{
	const struct snapshot *s = directory_hold(d);
	const struct account *a = snapshot_account_by_login(s, span_str(login));
	uint64_t id = a ? a->id : 0;

	snapshot_release(&s);
	return id;
}

int fixture_make(void **state)
{
	struct directory_setup setup = { SPAN("mail.example.test"), SPAN("example.test"), SPAN("ann@example.test"), SPAN("$hash$ann") };
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || db_init())
		return -1;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/postroom-directory-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	(void)snprintf(f->path, sizeof(f->path), "%s/control.db", f->dir);
	seal_key_random(&f->key);
	f->d = fixture_open(f);
	assert_int_equal(directory_setup(f->d, &setup, NULL), ERR_OK);
	assert_int_equal(directory_account_add(f->d, SPAN("bob@example.test"), SPAN("$hash$bob"), ROLE_USER, &f->bob, NULL), ERR_OK);
	f->ann = fixture_find(f->d, "ann@example.test");
	*state = f;
	return 0;
}

int fixture_remove(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;
	char path[128];
	int result;

	directory_close(&f->d);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
		(void)unlink(path);
	}
	result = rmdir(f->dir);
	free(f);
	return result;
}
