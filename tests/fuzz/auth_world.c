#include "tests/fuzz/auth_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"
#include "db/db.h"

static struct auth_world world;
static char folder[64];

static void end(void)
{
	static const char *const files[] = { "control.db", "control.db-wal", "control.db-shm" };
	char path[128];

	auth_free(&world.auth);
	directory_close(&world.directory);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

const struct auth_world *auth_world(void)
{
	static const struct seal_key key = { { 1 } };
	const struct directory_setup setup = { SPAN("mail.example.org"), SPAN("example.org"), SPAN("owner@example.org"), SPAN("none") };
	struct directory_config config = { .key = &key };
	struct auth_config auth = { .directory = NULL };
	char path[128];

	if (world.auth)
		return &world;
	snprintf(folder, sizeof(folder), "%s/fuzz-auth-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder) || db_init())
		abort();
	snprintf(path, sizeof(path), "%s/control.db", folder);
	config.path = path;
	if (directory_open(&config, &world.directory, NULL) || directory_setup(world.directory, &setup, NULL) ||
	    directory_account_add(world.directory, SPAN("bob@example.org"), SPAN(""), ROLE_USER, &world.bob, NULL))
		abort();
	auth.directory = world.directory;
	if (auth_new(&auth, &world.auth) || auth_set_password(world.auth, world.bob, SPAN("correct horse battery"), NULL))
		abort();
	atexit(end);
	return &world;
}
