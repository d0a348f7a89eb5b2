/* queue/sent.c: counts, from the commit of a message to the breaker.
 *
 *   sent_new --sent_write: within the limits?--> pending --sent_written--> counted in memory, as it is in the database
 *                                                       |                        |
 *                                                       +-- failed: forgotten    +--> is the breaker to trip?
 */
#include "daemon/queue/sent.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/queue/sender.h"
#include "db/queue_sending.h"

#define TEXT_MAX 1024
#define TEXT_ARENA_MAX 16384
#define KNOWN_AGAIN_HOURS 24 /* the row of a recipient that is written to daily is not written each time */

struct sent {
	struct queue *q;
	uint64_t account_id;
	size_t room, count, fresh;
	int64_t hour;
	bool pending;
	int64_t keys[];
};

int64_t sent_key(const struct queue *q, struct span recipient)
{
	char text[TEXT_MAX];
	uint8_t mac[SHA256_BYTES];
	struct span address = span_take(recipient, sizeof(text));
	uint64_t key = 0;

	for (size_t i = 0; i < address.len; i++)
		text[i] = ascii_lower(address.ptr[i]);
	crypto_hmac_sha256(span_make((const char *)q->sending->key, SHA256_BYTES), span_make(text, address.len), mac);
	memcpy(&key, mac, sizeof(key));
	return (int64_t)(key >> 1);
}

bool sent_was_named(struct span address, struct span original)
{
	struct address parsed;
	struct arena work;
	struct buf text;
	bool same;

	if (original.len == 0 || span_equals(address, original))
		return true;
	/* The envelope's domain may be in capitals, or in another script. */
	arena_init(&work, TEXT_ARENA_MAX);
	buf_init(&text, TEXT_MAX);
	same = address_parse(original, &work, &parsed) == ERR_OK;
	if (same)
		address_write(&parsed, &text);
	same = same && !text.failed && span_equals(address, buf_span(&text));
	buf_clear(&text);
	arena_clear(&work);
	return same;
}

enum err sent_new(struct queue *q, uint64_t account_id, size_t count, struct sent **out)
{
	struct sent *s = calloc(1, sizeof(*s) + count * sizeof(s->keys[0]));

	*out = s;
	if (!s)
		return ERR_TEMP;
	s->q = q;
	s->account_id = account_id;
	s->room = count;
	return ERR_OK;
}

void sent_add(struct sent *s, struct span recipient)
{
	if (s->count < s->room)
		s->keys[s->count++] = sent_key(s->q, recipient);
}

void sent_free(struct sent **s)
{
	free(*s);
	*s = NULL;
}

static enum err know(struct sent *s, struct db *db)
{
	s->fresh = 0;
	for (size_t i = 0; i < s->count; i++) {
		int64_t last = 0;
		enum err e = db_known_find(db, s->account_id, s->keys[i], &last);

		if (e != ERR_OK && e != ERR_NOT_FOUND)
			return e;
		s->fresh += e == ERR_NOT_FOUND;
		if ((e == ERR_NOT_FOUND || last < s->hour - KNOWN_AGAIN_HOURS) && (e = db_known_set(db, s->account_id, s->keys[i], s->hour)) != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static bool is_over(uint64_t have, uint64_t pending, size_t more, int64_t limit)
{
	return limit > 0 && more > 0 && have + pending + more > (uint64_t)limit;
}

/* Several sessions were told that there is room: the last of them is wrong. */
static enum err take_room(struct sent *s)
{
	const struct sender_limits limits = sender_limits(s->q, s->account_id);
	struct sending *x = s->q->sending;
	struct sender *sender;
	enum err e = ERR_OK;

	pthread_mutex_lock(&x->lock);
	sender = sender_find(x, s->account_id);
	if (sender && sender->stopped) {
		e = ERR_DENIED;
	} else if (sender && sender->loaded && !s->pending) {
		struct sender_window w;

		sender_advance(sender, s->hour);
		w = sender_window_at(sender, clock_real_ms());
		if (is_over(w.hour, sender->pending, s->count, limits.hour) || is_over(w.day, sender->pending, s->count, limits.day) || is_over(w.day_new, sender->pending_new, s->fresh, limits.fresh))
			e = ERR_LIMIT;
		s->pending = e == ERR_OK;
		sender->pending += s->pending ? s->count : 0;
		sender->pending_new += s->pending ? s->fresh : 0;
	}
	pthread_mutex_unlock(&x->lock);
	return e;
}

enum err sent_write(struct sent *s, struct db *db)
{
	struct sent_hour row;
	enum err e;

	if (!s)
		return ERR_OK;
	s->hour = clock_real_ms() / HOUR_MS;
	e = know(s, db);
	if (e == ERR_OK)
		e = take_room(s);
	row = (struct sent_hour){ .hour = s->hour, .recipients = s->count, .first_time = s->fresh };
	return e == ERR_OK ? db_sent_add(db, s->account_id, &row) : e;
}

void sent_written(struct sent **sent, enum err result)
{
	struct sent *s = *sent;
	struct sender_limits limits;
	struct sending *x;
	struct sender *sender;

	if (!s)
		return;
	x = s->q->sending;
	limits = sender_limits(s->q, s->account_id);
	pthread_mutex_lock(&x->lock);
	sender = sender_find(x, s->account_id);
	if (result == ERR_OK)
		(*sender_changes(x, s->account_id))++;
	if (sender && s->pending) {
		sender->pending -= s->count;
		sender->pending_new -= s->fresh;
		sender_advance(sender, clock_real_ms() / HOUR_MS);
	}
	if (sender && s->pending && result == ERR_OK) {
		struct sent_count *now = &sender->ring[(uint64_t)sender->hour % SENDING_HOURS];

		now->recipients += (uint32_t)s->count;
		now->first_time += (uint32_t)s->fresh;
		sender_judge(x, sender, &limits);
	}
	if (sender && sender->stopped && !sender->news && result == ERR_OK) {
		sender->more = x->news = true;
		x->news_at_ms = 0;
		pthread_cond_signal(&x->work);
	}
	pthread_mutex_unlock(&x->lock);
	sent_free(sent);
}

void sent_failed(struct queue *q, uint64_t account_id, int64_t accepted_ms)
{
	const struct sender_limits limits = sender_limits(q, account_id);
	struct sending *x = q->sending;
	struct sent_count *count;
	struct sender *s;

	pthread_mutex_lock(&x->lock);
	s = sender_make(x, account_id);
	if (s)
		sender_advance(s, clock_real_ms() / HOUR_MS);
	count = s && accepted_ms > s->released_ms ? sender_count(s, accepted_ms / HOUR_MS) : NULL;
	if (count) {
		count->failed++;
		count->unwritten++;
		s->unwritten++;
		if (!x->unwritten)
			pthread_cond_signal(&x->work);
		x->unwritten = true;
	}
	if (count && s->loaded)
		sender_judge(x, s, &limits);
	pthread_mutex_unlock(&x->lock);
}
