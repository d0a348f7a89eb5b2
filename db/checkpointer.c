/* db/checkpointer.c: copies WALs back into their files, on one thread with handles of its own.
 *
 *   (unknown) --touch--> gathering --PAGES_ENOUGH written--> due --> checkpointed --> (unknown)
 *                            +------------ MAX_AGE_MS ----------^
 *
 * (1) Gathering files are in order of their first touch, so only the head's age is looked at.
 * (2) With nothing gathered the thread sleeps without a deadline and holds no file open.
 * (3) Only this thread touches the handles; no lock is held while a file is read or written.
 */
#include "db/checkpointer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/base/wait.h"

#define BYTES_ENOUGH (4u * 1024u * 1024u)
#define MAX_AGE_MS 5000
#define MAX_TRIES 12 /* while readers are in the way; then the next touch brings it back */
#define OPEN_MAX 16
#define PAUSE_MS 5
#define BUCKETS 1024

struct file {
	struct file *next, **link; /* gathering or due */
	struct file *same_bucket;
	const struct db_schema *schema;
	size_t bytes;
	int64_t since_ms;
	unsigned tries; /* after which frames were left */
	bool due;
	char path[];
};

struct list {
	struct file *head, **tail;
};

struct open_file {
	struct db *db;
	uint64_t used_at;
};

struct checkpointer {
	pthread_mutex_t lock; /* guards buckets, gathering, due, stopping */
	pthread_cond_t work;
	struct file *buckets[BUCKETS];
	struct list gathering, due;
	bool stopping;

	pthread_t thread;
	struct open_file open[OPEN_MAX]; /* of the thread */
	uint64_t turn;
};

static void list_init(struct list *l)
{
	l->head = NULL;
	l->tail = &l->head;
}

static void list_add(struct list *l, struct file *f)
{
	f->next = NULL;
	f->link = l->tail;
	*l->tail = f;
	l->tail = &f->next;
}

static void list_remove(struct list *l, struct file *f)
{
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	else
		l->tail = f->link;
}

/* The link that holds the file of this path, or the null at the end of its bucket. FNV-1a. */
static struct file **find(struct checkpointer *c, const char *path)
{
	struct file **at;
	uint32_t hash = 2166136261u;

	for (const char *p = path; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	at = &c->buckets[hash % BUCKETS];
	while (*at && strcmp((*at)->path, path) != 0)
		at = &(*at)->same_bucket;
	return at;
}

static struct file *file_new(const char *path, const struct db_schema *schema)
{
	size_t size = strlen(path) + 1;
	struct file *f = calloc(1, sizeof(*f) + size);

	if (!f)
		return NULL;
	memcpy(f->path, path, size);
	f->schema = schema;
	f->since_ms = clock_mono_ms();
	return f;
}

void checkpointer_touch(struct checkpointer *c, const char *path, const struct db_schema *schema, size_t written_bytes)
{
	struct file **at, *f;
	bool wake = false;

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	at = find(c, path);
	f = *at;
	if (!f && (f = file_new(path, schema))) {
		*at = f;
		/* Asleep without a deadline when this is the first. */
		wake = !c->gathering.head;
		list_add(&c->gathering, f);
	}
	if (f) {
		f->bytes += written_bytes < BYTES_ENOUGH ? written_bytes : BYTES_ENOUGH;
		if (f->bytes >= BYTES_ENOUGH && !f->due) {
			list_remove(&c->gathering, f);
			list_add(&c->due, f);
			f->due = wake = true;
		}
	}
	if (wake)
		pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->lock);
}

static void close_files(struct checkpointer *c)
{
	for (size_t i = 0; i < OPEN_MAX; i++)
		db_close(&c->open[i].db);
}

static struct db *handle_for(struct checkpointer *c, const struct file *f)
{
	struct open_file *oldest = &c->open[0];

	for (size_t i = 0; i < OPEN_MAX; i++) {
		struct open_file *o = &c->open[i];

		if (o->db && strcmp(db_path(o->db), f->path) == 0) {
			o->used_at = ++c->turn;
			return o->db;
		}
		if (!o->db || (oldest->db && o->used_at < oldest->used_at))
			oldest = o;
	}
	db_close(&oldest->db);
	if (db_open(f->path, f->schema, DB_READ, &oldest->db, NULL))
		return NULL;
	oldest->used_at = ++c->turn;
	return oldest->db;
}

/* True: nothing is left to do for this file, or it is gone. */
static bool checkpoint(struct checkpointer *c, const struct file *f)
{
	static const struct timespec pause = { 0, PAUSE_MS * 1000000 };
	struct db *db = handle_for(c, f);
	int left = 0;
	bool finished = !db || (db_checkpoint(db, 0, &left) == ERR_OK && left == 0);

	/* A committer that wants to finish its WAL, so that it begins anew, must find the file free at times. */
	(void)nanosleep(&pause, NULL);
	return finished;
}

/* The oldest that must be done, taken out of its list but not of its bucket; null: none yet. */
static struct file *next_due(struct checkpointer *c)
{
	struct file *f = c->due.head;

	if (f) {
		list_remove(&c->due, f);
		return f;
	}
	f = c->gathering.head;
	if (!f || clock_mono_ms() - f->since_ms < MAX_AGE_MS)
		return NULL;
	list_remove(&c->gathering, f);
	return f;
}

/* Out of its bucket first, so that a touch from now on counts anew. */
static struct file *take(struct checkpointer *c)
{
	struct file *f = next_due(c), **at;

	if (f) {
		at = find(c, f->path);
		*at = f->same_bucket;
		f->same_bucket = NULL;
	}
	return f;
}

static void put_back(struct checkpointer *c, struct file *f)
{
	struct file **at = find(c, f->path);

	if (*at || f->tries == MAX_TRIES) {
		free(f);
		return;
	}
	f->bytes = 0;
	f->due = false;
	f->since_ms = clock_mono_ms();
	f->tries++;
	*at = f;
	list_add(&c->gathering, f);
}

static void wait_for_work(struct checkpointer *c)
{
	int64_t ms;

	if (!c->gathering.head) {
		pthread_mutex_unlock(&c->lock);
		close_files(c);
		pthread_mutex_lock(&c->lock);
		if (!c->gathering.head && !c->due.head && !c->stopping)
			pthread_cond_wait(&c->work, &c->lock);
		return;
	}
	ms = MAX_AGE_MS - (clock_mono_ms() - c->gathering.head->since_ms);
	if (ms > 0)
		(void)wait_for(&c->work, &c->lock, ms);
}

static void *run(void *arg)
{
	struct checkpointer *c = arg;
	struct file *f;
	bool finished;

	pthread_mutex_lock(&c->lock);
	while (!c->stopping) {
		f = take(c);
		if (!f) {
			wait_for_work(c);
			continue;
		}
		pthread_mutex_unlock(&c->lock);
		finished = checkpoint(c, f);
		pthread_mutex_lock(&c->lock);
		if (finished)
			free(f);
		else
			put_back(c, f);
	}
	pthread_mutex_unlock(&c->lock);
	close_files(c);
	return NULL;
}

static void free_list(struct list *l)
{
	struct file *next;

	for (struct file *f = l->head; f; f = next) {
		next = f->next;
		free(f);
	}
}

enum err checkpointer_new(struct checkpointer **out)
{
	struct checkpointer *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (!c || wait_init(&c->work) != ERR_OK) {
		free(c);
		return ERR_TEMP;
	}
	list_init(&c->gathering);
	list_init(&c->due);
	(void)pthread_mutex_init(&c->lock, NULL);
	if (pthread_create(&c->thread, NULL, run, c)) {
		(void)pthread_cond_destroy(&c->work);
		(void)pthread_mutex_destroy(&c->lock);
		free(c);
		return ERR_TEMP;
	}
	*out = c;
	return ERR_OK;
}

void checkpointer_free(struct checkpointer **checkpointer)
{
	struct checkpointer *c = *checkpointer;

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->lock);
	(void)pthread_join(c->thread, NULL);
	/* What was not copied yet stays in its WAL, where every opener finds it. */
	free_list(&c->gathering);
	free_list(&c->due);
	(void)pthread_cond_destroy(&c->work);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
	*checkpointer = NULL;
}
