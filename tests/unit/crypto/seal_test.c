/* crypto/seal.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/crypto/seal.h"

static char folder[64];
static char path[128];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/seal_test.XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof path, "%s/secret.key", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_file(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int count_files(void)
{
	DIR *dir = opendir(folder);
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static void a_made_key_is_private_and_reads_back(void **state)
{
	struct seal_key made, read_back;
	struct stat st;
	struct note why = { "" };

	(void)state;
	assert_int_equal(seal_key_create(path, &made, &why), ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 65);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(count_files(), 1);
	assert_int_equal(seal_key_read(path, &read_back, &why), ERR_OK);
	assert_memory_equal(made.bytes, read_back.bytes, SEAL_KEY_BYTES);
}

static void an_existing_key_is_never_replaced(void **state)
{
	struct seal_key first, second, read_back;
	struct note why = { "" };

	(void)state;
	assert_int_equal(seal_key_create(path, &first, &why), ERR_OK);
	assert_int_equal(seal_key_create(path, &second, &why), ERR_EXISTS);
	assert_int_equal(seal_key_read(path, &read_back, &why), ERR_OK);
	assert_memory_equal(first.bytes, read_back.bytes, SEAL_KEY_BYTES);
	assert_int_equal(count_files(), 1);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
	static const mode_t modes[] = { 0604, 0640, 0602, 0620, 0666 };
	struct seal_key key;
	struct note why = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		write_file("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", modes[i]);
		assert_int_equal(seal_key_read(path, &key, &why), ERR_DENIED);
		assert_non_null(strstr(why.text, path));
	}
	write_file("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", 0400);
	assert_int_equal(seal_key_read(path, &key, &why), ERR_OK);
	assert_int_equal(key.bytes[31], 0x1f);
}

static void a_broken_key_file_is_a_syntax_error(void **state)
{
	static const char *const wrong[] = {
		"", "\n", "00",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n\n",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00",
		"g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
	};
	struct seal_key key;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		write_file(wrong[i], 0600);
		assert_int_equal(seal_key_read(path, &key, NULL), ERR_SYNTAX);
	}
}

static void a_missing_key_or_folder_is_said(void **state)
{
	struct seal_key key;
	struct note why = { "" };

	(void)state;
	assert_int_equal(seal_key_read(path, &key, &why), ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, "No such file"));
	assert_int_equal(seal_key_read(folder, &key, &why), ERR_SYNTAX);
	assert_int_equal(seal_key_create("/nowhere/at/all/secret.key", &key, &why), ERR_NOT_FOUND);
}

static void sealed_values_open_to_what_was_sealed(void **state)
{
	static char plain[5000];
	struct seal_key key;
	struct buf sealed, opened;

	(void)state;
	seal_key_random(&key);
	buf_init(&sealed, 10000);
	buf_init(&opened, 10000);
	for (size_t len = 0; len <= sizeof plain; len = len * 2 + 1) {
		memset(plain, (int)len, len);
		buf_reset(&sealed);
		buf_reset(&opened);
		assert_int_equal(seal_close(&key, SPAN("a:b"), span_make(plain, len), &sealed), ERR_OK);
		assert_int_equal(sealed.len, len + SEAL_OVERHEAD);
		assert_int_equal(seal_open(&key, SPAN("a:b"), buf_span(&sealed), &opened), ERR_OK);
		assert_true(span_equals(buf_span(&opened), span_make(plain, len)));
	}
	buf_wipe(&sealed);
	buf_wipe(&opened);
	seal_key_wipe(&key);
}

static void a_value_is_sealed_differently_each_time(void **state)
{
	struct seal_key key;
	struct buf first, second;

	(void)state;
	seal_key_random(&key);
	buf_init(&first, 100);
	buf_init(&second, 100);
	assert_int_equal(seal_close(&key, SPAN("x"), SPAN("password"), &first), ERR_OK);
	assert_int_equal(seal_close(&key, SPAN("x"), SPAN("password"), &second), ERR_OK);
	assert_false(span_equals(buf_span(&first), buf_span(&second)));
	buf_clear(&first);
	buf_clear(&second);
}

static void a_wrong_key_context_or_byte_is_corrupt(void **state)
{
	struct seal_key key, other;
	struct buf sealed, opened;
	size_t len;

	(void)state;
	seal_key_random(&key);
	seal_key_random(&other);
	buf_init(&sealed, 1000);
	buf_init(&opened, 1000);
	assert_int_equal(seal_close(&key, SPAN("a"), SPAN("secret"), &sealed), ERR_OK);
	assert_int_equal(seal_open(&other, SPAN("a"), buf_span(&sealed), &opened), ERR_CORRUPT);
	assert_int_equal(seal_open(&key, SPAN("b"), buf_span(&sealed), &opened), ERR_CORRUPT);
	assert_int_equal(seal_open(&key, SPAN(""), buf_span(&sealed), &opened), ERR_CORRUPT);
	len = sealed.len;
	for (size_t i = 0; i < len; i++) {
		sealed.ptr[i] ^= 1;
		assert_int_equal(seal_open(&key, SPAN("a"), buf_span(&sealed), &opened), ERR_CORRUPT);
		sealed.ptr[i] ^= 1;
		assert_int_equal(seal_open(&key, SPAN("a"), span_make(sealed.ptr, i), &opened), ERR_CORRUPT);
	}
	assert_int_equal(opened.len, 0);
	assert_int_equal(seal_open(&key, SPAN("a"), buf_span(&sealed), &opened), ERR_OK);
	buf_clear(&sealed);
	buf_clear(&opened);
}

static void a_full_buffer_is_a_limit(void **state)
{
	struct seal_key key;
	struct buf sealed, small;

	(void)state;
	seal_key_random(&key);
	buf_init(&sealed, 100);
	buf_init(&small, 5);
	assert_int_equal(seal_close(&key, SPAN(""), SPAN("secret"), &small), ERR_LIMIT);
	buf_clear(&small);
	assert_int_equal(seal_close(&key, SPAN(""), SPAN("secret"), &sealed), ERR_OK);
	assert_int_equal(seal_open(&key, SPAN(""), buf_span(&sealed), &small), ERR_LIMIT);
	buf_clear(&small);
	buf_clear(&sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_made_key_is_private_and_reads_back, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(an_existing_key_is_never_replaced, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_key_that_others_can_read_is_refused, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_broken_key_file_is_a_syntax_error, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_missing_key_or_folder_is_said, make_folder, remove_folder),
		cmocka_unit_test(sealed_values_open_to_what_was_sealed),
		cmocka_unit_test(a_value_is_sealed_differently_each_time),
		cmocka_unit_test(a_wrong_key_context_or_byte_is_corrupt),
		cmocka_unit_test(a_full_buffer_is_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
