/* queue/srs_open.c: bounces to rewritten paths: the key, the domains that are ours, and what queue.db remembers. */
#include "daemon/queue/srs_open.h"

#include "daemon/base/clock.h"
#include "daemon/directory/directory.h"
#include "daemon/queue/route.h"
#include "db/queue_srs.h"

void srs_begin(struct queue *q, struct srs *out)
{
	directory_derive_key(q->config.directory, SPAN("srs"), out->key);
	out->now_ms = clock_real_ms();
}

static enum err recall(struct queue *q, struct span token, int64_t now_ms, struct arena *a, struct address *out)
{
	struct span text;
	enum err e;

	pthread_mutex_lock(&q->reader_lock);
	e = db_queue_srs_find(q->reader, token, now_ms, a, &text);
	pthread_mutex_unlock(&q->reader_lock);
	if (!e && address_parse(text, a, out)) {
		/* An address literal. */
		out->domain = route_domain(text);
		if (!out->domain.len)
			return ERR_NOT_FOUND;
		out->local = span_take(text, text.len - out->domain.len - 1);
	}
	return e;
}

enum err srs_open(struct queue *q, const struct address *address, struct arena *a, struct address *out)
{
	const struct snapshot *s;
	struct srs_path path;
	struct srs srs;
	bool ours;
	enum err e;

	if (!srs_is_one(address))
		return ERR_NOT_FOUND;
	s = directory_hold(q->config.directory);
	ours = snapshot_has_domain(s, address->domain);
	snapshot_release(&s);
	if (!ours)
		return ERR_NOT_FOUND;
	srs_begin(q, &srs);
	e = srs_read(&srs, address, a, &path);
	explicit_bzero(srs.key, sizeof(srs.key));
	if (e)
		return ERR_NOT_FOUND;
	if (path.token.len)
		return recall(q, path.token, srs.now_ms, a, out);
	*out = path.address;
	return ERR_OK;
}
