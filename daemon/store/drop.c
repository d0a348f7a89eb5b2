/* store/drop.c: a maildrop is a view of INBOX that is never synced.
 *
 * (1) Numbers are the view's sequence numbers: without a sync they stay.
 * (2) Size and count are of one moment: the mailbox's own counters where these are as old as the view, else the sum of its rows.
 * (3) An id is made from the mailbox's key, the UID, the content and the time of filing: nothing is stored for a message. After a restore from a backup
 *     UIDs and content ids are given again; the time then tells the new message from the lost one, and those that were restored keep their ids.
 */
#include "daemon/store/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/rng.h"
#include "daemon/crypto/digest.h"
#include "daemon/store/expunge.h"
#include "daemon/store/inside_view.h"
#include "daemon/store/journal.h"
#include "daemon/store/notice.h"
#include "db/mail_account.h"
#include "db/mail_mailbox.h"
#include "db/mail_pop_key.h"

#define WRITE_WEIGHT 8192
#define ROW_WEIGHT 64
#define MARK_ARENA_MAX (64u * 1024u * 1024u)

struct drop {
	struct mailstore *m;
	struct view *view;
	uint64_t bytes;
	uint8_t key[DB_POP_KEY_BYTES];
};

struct drop_body {
	int fd;
};

/* ---- opening ---- */

/* Within the commit: of two that make it at once the second takes the first one's. */
static enum err run_key(struct db *db, void *arg)
{
	struct drop *d = arg;
	enum err e = db_pop_key_find(db, d->m->inbox_id, d->key);

	if (e != ERR_NOT_FOUND)
		return e;
	rng_bytes(d->key, sizeof d->key);
	return db_pop_key_set(db, d->m->inbox_id, d->key);
}

static enum err find_key(struct drop *d)
{
	struct db *db;
	enum err e = mailstore_reader_take(d->m, &db);

	if (e)
		return e;
	e = db_pop_key_find(db, d->m->inbox_id, d->key);
	mailstore_reader_give(d->m, &db);
	return e == ERR_NOT_FOUND ? mailstore_write(d->m, run_key, d, WRITE_WEIGHT) : e;
}

static bool add_size(void *arg, uint32_t number, const struct message_row *row)
{
	(void)number;
	*(uint64_t *)arg += row->size;
	return true;
}

static enum err sum_sizes(struct drop *d)
{
	uint32_t next = 1;
	enum err e = ERR_OK;

	d->bytes = 0;
	while (!e && next <= drop_count(d))
		e = drop_read(d, next, drop_count(d), WANT_META, add_size, &d->bytes, &next);
	return e;
}

static enum err find_size(struct drop *d)
{
	struct db_mailbox row;
	struct db *db;
	enum err e = mailstore_reader_take(d->m, &db);

	if (e)
		return e;
	e = db_mailbox_by_id(db, d->m->inbox_id, &row);
	mailstore_reader_give(d->m, &db);
	if (e)
		return e;
	d->bytes = row.size_bytes;
	return row.modseq == view_modseq(d->view) ? ERR_OK : sum_sizes(d);
}

enum err drop_open(struct mailstore *m, struct drop **out)
{
	struct drop *d = calloc(1, sizeof *d);
	enum err e;

	*out = NULL;
	if (!d)
		return ERR_TEMP;
	d->m = m;
	e = find_key(d);
	if (!e)
		e = view_open(m, m->inbox_id, 0, &d->view);
	if (!e)
		e = find_size(d);
	if (e)
		drop_close(&d);
	*out = d;
	return e;
}

void drop_close(struct drop **drop)
{
	struct drop *d = *drop;

	*drop = NULL;
	if (!d)
		return;
	view_close(&d->view);
	free(d);
}

uint32_t drop_count(const struct drop *d)
{
	return view_count(d->view);
}

uint64_t drop_bytes(const struct drop *d)
{
	return d->bytes;
}

/* ---- reading ---- */

struct reading {
	struct drop *d;
	bool (*each)(void *arg, uint32_t number, const struct message_row *row);
	void *arg;
};

static bool show(void *arg, const struct message_row *row)
{
	const struct reading *r = arg;
	uint32_t number;

	return !view_sequence_of(r->d->view, row->uid, &number) || r->each(r->arg, number, row);
}

enum err drop_read(struct drop *d, uint32_t first, uint32_t last, unsigned want,
		   bool (*each)(void *arg, uint32_t number, const struct message_row *row), void *arg, uint32_t *next_out)
{
	struct uid_range range = { view_uid_of(d->view, first), view_uid_of(d->view, last) };
	struct reading r = { d, each, arg };
	uint32_t last_uid;
	bool end;
	enum err e = view_read(d->view, &(struct uid_set){ &range, 1 }, range.first - 1, want, show, &r, &last_uid, &end);

	if (!e)
		*next_out = end ? last + 1 : view_first_from(d->view, last_uid + 1);
	return e;
}

static void put_u64(uint8_t to[8], uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		to[i] = (uint8_t)value;
}

void drop_id(const struct drop *d, const struct message_row *row, char out[DROP_ID_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t text[DB_POP_KEY_BYTES + 24], hash[SHA256_BYTES];

	memcpy(text, d->key, DB_POP_KEY_BYTES);
	put_u64(text + DB_POP_KEY_BYTES, row->uid);
	put_u64(text + DB_POP_KEY_BYTES + 8, row->content);
	put_u64(text + DB_POP_KEY_BYTES + 16, (uint64_t)row->saved_ms);
	crypto_sha256(span_make((const char *)text, sizeof text), hash);
	for (size_t i = 0; i < DROP_ID_LEN / 2; i++) {
		out[2 * i] = digits[hash[i] >> 4];
		out[2 * i + 1] = digits[hash[i] & 15];
	}
	out[DROP_ID_LEN] = 0;
}

/* ---- changes ---- */

static bool has_bit(const uint8_t *bits, uint32_t number)
{
	return bits[(number - 1) / 8] & 1u << (number - 1) % 8;
}

/* The UIDs of the numbers; `ranges` null: only counted. */
static size_t collect(const struct drop *d, const uint8_t *bits, struct uid_range *ranges, size_t *messages_out)
{
	size_t count = 0;
	uint32_t last = 0;

	*messages_out = 0;
	for (uint32_t number = 1; number <= drop_count(d); number++) {
		uint32_t uid;

		if (number % 8 == 1 && !bits[(number - 1) / 8]) {
			number += 7;
			continue;
		}
		if (!has_bit(bits, number))
			continue;
		uid = view_uid_of(d->view, number);
		++*messages_out;
		if (count && uid == last + 1 && ranges)
			ranges[count - 1].last = uid;
		else if (!count || uid != last + 1) {
			if (ranges)
				ranges[count] = (struct uid_range){ uid, uid };
			count++;
		}
		last = uid;
	}
	return count;
}

/* To be freed. */
static enum err uids_of(const struct drop *d, const uint8_t *bits, struct uid_set *out, size_t *messages_out)
{
	out->count = collect(d, bits, NULL, messages_out);
	out->ranges = calloc(out->count ? out->count : 1, sizeof *out->ranges);
	if (!out->ranges)
		return ERR_TEMP;
	(void)collect(d, bits, out->ranges, messages_out);
	return ERR_OK;
}

struct removal {
	const struct drop *d;
	struct uid_set set;
	struct picked_list rows;
	struct file_list files;
	uint64_t modseq;
};

static enum err run_remove(struct db *db, void *arg)
{
	struct removal *x = arg;
	const uint64_t id = x->d->m->inbox_id;
	enum err e = picked_read(db, id, &x->set, view_last_known(x->d->view), 0, &x->rows);

	if (e || x->rows.count == 0)
		return e;
	e = db_mail_allot(db, 0, &x->modseq, NULL);
	if (!e)
		e = expunge_rows(db, id, &x->rows, x->modseq);
	return e ? e : expunge_contents(db, &x->rows, &x->files);
}

enum err drop_remove(struct drop *d, const uint8_t *bits)
{
	struct removal x = { .d = d };
	size_t messages;
	enum err e = uids_of(d, bits, &x.set, &messages);

	if (!e && messages)
		e = mailstore_write(d->m, run_remove, &x, WRITE_WEIGHT + messages * ROW_WEIGHT);
	if (!e && x.rows.count) {
		state_announce(d->view->state, x.modseq);
		expunge_files(d->m, &x.files);
		notice_changed(d->m, d->m->inbox_id, CHANGE_EXPUNGED, 0);
	}
	file_list_clear(&x.files);
	picked_clear(&x.rows);
	free(x.set.ranges);
	return e;
}

enum err drop_mark_seen(struct drop *d, const uint8_t *bits)
{
	struct view_flags_changed *rows;
	struct uid_set set;
	struct arena work;
	size_t messages, count;
	enum err e = uids_of(d, bits, &set, &messages);

	arena_init(&work, MARK_ARENA_MAX);
	if (!e && messages)
		e = view_store(d->view, &set, FLAGS_ADD, FLAG_SEEN, &work, &rows, &count);
	arena_clear(&work);
	free(set.ranges);
	return e;
}

/* ---- bodies that are files ---- */

enum err drop_body_open(const char *path, struct drop_body **out)
{
	struct drop_body *b = malloc(sizeof *b);

	*out = NULL;
	if (!b)
		return ERR_TEMP;
	b->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (b->fd < 0) {
		free(b);
		return ERR_TEMP;
	}
	*out = b;
	return ERR_OK;
}

enum err drop_body_read(struct drop_body *b, uint64_t offset, size_t length, struct buf *out)
{
	char *to = buf_reserve(out, length);
	size_t done = 0;

	while (to && done < length) {
		ssize_t n = pread(b->fd, to + done, length - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (!to || done < length)
		return ERR_TEMP;
	buf_grew(out, done);
	return ERR_OK;
}

void drop_body_close(struct drop_body **body)
{
	struct drop_body *b = *body;

	*body = NULL;
	if (!b)
		return;
	close(b->fd);
	free(b);
}
