/* tests/unit/store/fixture.c */
#include "tests/unit/store/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/db.h"

void fixture_reopen(struct fixture *f)
{
	struct store_config config = { .accounts_dir = f->accounts, .max_open = 2, .search_index = f->search_index };
	struct note why = { "" };

	if (store_new(&config, &f->store, &why) || store_open(f->store, 1, &f->m, &why))
		fail_msg("%s", why.text);
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(db_init(), ERR_OK);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/store-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->accounts, sizeof(f->accounts), "%s/accounts", f->dir);
	arena_init(&f->arena, 64u * 1024u * 1024u);
	fixture_reopen(f);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	store_close(&f->m);
	store_free(&f->store);
	arena_clear(&f->arena);
	(void)nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

void fixture_restart(struct fixture *f)
{
	store_close(&f->m);
	store_free(&f->store);
	fixture_reopen(f);
}

struct new_message fixture_message(const char *subject, uint64_t flags)
{
	return (struct new_message){
		.head = SPAN("From: a@example.org\r\nSubject: test\r\n\r\n"),
		.body = { .bytes = SPAN("Hello.\r\n"), .size = 8 },
		.envelope = SPAN("(NIL \"test\" NIL NIL NIL NIL NIL NIL NIL NIL)"),
		.body_structure = SPAN("(\"text\" \"plain\" NIL NIL NIL \"7bit\" 8 1 NIL NIL NIL NIL)"),
		.body_text_structure = SPAN("(\"text\" \"plain\" NIL NIL NIL \"7bit\" 8 1)"),
		.parts = SPAN("p"),
		.subject = span_str(subject),
		.message_id = SPAN("<1@example.org>"),
		.sent_ms = 1,
		.internal_ms = 1700000000000,
		.internal_offset_minutes = 60,
		.flags = flags,
	};
}

uint32_t fixture_append(struct fixture *f, uint64_t mailbox_id, const char *subject, uint64_t flags)
{
	struct new_message n = fixture_message(subject, flags);
	struct append_result result = { 0, 0 };

	assert_int_equal(message_append(f->m, mailbox_id, &n, &result), ERR_OK);
	assert_true(result.uid > 0 && result.uid_validity > 0);
	return result.uid;
}

struct mailbox_info fixture_info(struct fixture *f, const char *name)
{
	struct mailbox_info info;

	assert_int_equal(mailbox_find(f->m, span_str(name), &f->arena, &info), ERR_OK);
	return info;
}

uint64_t fixture_mailbox(struct fixture *f, const char *name)
{
	return fixture_info(f, name).id;
}

const char *fixture_file(struct fixture *f, const char *name, size_t size)
{
	struct span path = arena_printf(&f->arena, "%s/%s", f->dir, name);
	char block[4096];
	const char *text;
	int fd;

	memset(block, 'x', sizeof(block));
	assert_int_equal(span_cstr(&f->arena, path, &text), ERR_OK);
	fd = open(text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (size) {
		size_t piece = size < sizeof(block) ? size : sizeof(block);

		assert_int_equal(write(fd, block, piece), (ssize_t)piece);
		size -= piece;
	}
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(close(fd), 0);
	return text;
}

size_t fixture_count_files(struct fixture *f)
{
	char path[256];
	struct dirent *entry;
	size_t count = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/1/files", f->accounts);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d)))
		count += entry->d_name[0] != '.';
	(void)closedir(d);
	return count;
}

void fixture_check(struct fixture *f)
{
	struct note why = { "" };

	if (store_check(f->m, &why))
		fail_msg("%s", why.text);
}
