/* Folders, key and lock: what is made, what is refused, and in whose words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/ops/ground.h"
#include "db/db.h"

struct place {
	char dir[64];
	struct config config;
};

static void configure(struct place *p, const char *more)
{
	struct note why = { "" };
	char path[96], text[512];

	snprintf(path, sizeof path, "%s/postroom.conf", p->dir);
	snprintf(text, sizeof text, "data_dir = data\nrun_dir = run\n%s\n", more);
	assert_int_equal(config_parse(path, span_str(text), &p->config, &why), ERR_OK);
}

static const char *in_dir(struct place *p, const char *name)
{
	return config_path(&p->config, p->dir, name);
}

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	assert_non_null(p);
	snprintf(p->dir, sizeof p->dir, "/tmp/postroom-ground-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	configure(p, "");
	*state = p;
	return db_init() == ERR_OK ? 0 : -1;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	char command[128];

	config_clear(&p->config);
	snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void what_is_missing_is_made_only_when_asked(void **state)
{
	struct place *p = *state;
	struct ground ground;
	struct note why = { "" };
	struct stat st;

	assert_int_equal(ground_prepare(&p->config, &why), ERR_OK);
	assert_int_equal(stat(p->config.data_dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(ground_open(&p->config, false, NULL, &ground, &why), ERR_NOT_FOUND);
	assert_int_not_equal(access(p->config.secret_key, F_OK), 0);
	assert_int_equal(ground_open(&p->config, true, NULL, &ground, &why), ERR_OK);
	ground_close(&ground);
	assert_int_equal(stat(p->config.secret_key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(ground_open(&p->config, false, NULL, &ground, &why), ERR_OK);
	ground_close(&ground);
	ground_close(&ground);
}

static void one_holds_the_folder(void **state)
{
	struct place *p = *state;
	struct ground first, second;
	struct note why = { "" };

	assert_int_equal(ground_prepare(&p->config, &why), ERR_OK);
	assert_int_equal(ground_open(&p->config, true, NULL, &first, &why), ERR_OK);
	assert_int_equal(ground_open(&p->config, false, NULL, &second, &why), ERR_STATE);
	assert_non_null(strstr(why.text, "in use"));
	ground_close(&first);
	assert_int_equal(ground_open(&p->config, false, NULL, &second, &why), ERR_OK);
	ground_close(&second);
}

static void a_lost_key_is_not_a_fresh_start(void **state)
{
	struct place *p = *state;
	struct ground ground;
	struct note why = { "" };

	assert_int_equal(ground_prepare(&p->config, &why), ERR_OK);
	assert_int_equal(ground_open(&p->config, true, NULL, &ground, &why), ERR_OK);
	ground_close(&ground);
	assert_int_equal(unlink(p->config.secret_key), 0);
	for (int create = 0; create < 2; create++) {
		assert_int_equal(ground_open(&p->config, create, NULL, &ground, &why), ERR_CORRUPT);
		assert_non_null(strstr(why.text, "secret.key"));
		assert_int_not_equal(access(p->config.secret_key, F_OK), 0);
	}
}

static void a_file_in_a_folders_place_is_named(void **state)
{
	struct place *p = *state;
	struct note why = { "" };

	put(in_dir(p, "data"), "");
	assert_int_equal(ground_prepare(&p->config, &why), ERR_DENIED);
	assert_non_null(strstr(why.text, "not a folder"));
}

static void files_that_are_no_certificates_are_refused(void **state)
{
	struct place *p = *state;
	struct note why = { "" };

	put(in_dir(p, "garbage"), "garbage\n");
	config_clear(&p->config);
	configure(p, "tls_ca_file = garbage");
	assert_int_equal(config_check_files(&p->config, &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, "garbage"));
	config_clear(&p->config);
	configure(p, "trust_anchor = garbage");
	assert_int_equal(config_check_files(&p->config, &why), ERR_SYNTAX);
	config_clear(&p->config);
	configure(p, "");
	assert_int_equal(config_check_files(&p->config, &why), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_missing_is_made_only_when_asked, make_place, remove_place),
		cmocka_unit_test_setup_teardown(one_holds_the_folder, make_place, remove_place),
		cmocka_unit_test_setup_teardown(a_lost_key_is_not_a_fresh_start, make_place, remove_place),
		cmocka_unit_test_setup_teardown(a_file_in_a_folders_place_is_named, make_place, remove_place),
		cmocka_unit_test_setup_teardown(files_that_are_no_certificates_are_refused, make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
