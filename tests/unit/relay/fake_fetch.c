/* unit/relay/fake_fetch.c: see fake_fetch.h. Defines what relay needs of net/fetch.c, so that file is not linked. */
#include "tests/unit/relay/fake_fetch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct fake_page page;
static bool held;
static unsigned begun, ended;
static char url[512];
static struct fetch_request last;

struct flight {
	void (*done)(void *arg, const struct fetch_result *result);
	void *arg;
	struct fake_page page;
};

void fake_fetch_give(const struct fake_page *p)
{
	pthread_mutex_lock(&lock);
	page = *p;
	pthread_mutex_unlock(&lock);
}

void fake_fetch_hold(bool hold)
{
	pthread_mutex_lock(&lock);
	held = hold;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

unsigned fake_fetch_count(void)
{
	unsigned count;

	pthread_mutex_lock(&lock);
	count = begun;
	pthread_mutex_unlock(&lock);
	return count;
}

void fake_fetch_settle(void)
{
	pthread_mutex_lock(&lock);
	while (ended < begun)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

const char *fake_fetch_url(void)
{
	return url;
}

bool fake_fetch_may_connect(const char *ip)
{
	struct net_addr addr;

	return net_ip_parse(span_str(ip), &addr) == ERR_OK && last.may_connect(last.arg, &addr);
}

static void *fly(void *arg)
{
	struct flight *f = arg;
	struct fetch_result r = {
		.err = f->page.err,
		.untrusted = f->page.untrusted,
		.status = f->page.status,
		.content_type = span_str(f->page.type),
		.body = f->page.body_len ? span_make(f->page.body, f->page.body_len) : span_str(f->page.body),
		.why = { "it broke" },
	};

	pthread_mutex_lock(&lock);
	while (held)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	f->done(f->arg, &r);
	free(f);
	pthread_mutex_lock(&lock);
	ended++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return NULL;
}

enum err fetch_begin(struct fetcher *fetcher, const struct fetch_request *request, void (*done)(void *arg, const struct fetch_result *result), void *done_arg, struct note *why)
{
	struct flight *f = malloc(sizeof(*f));
	pthread_t thread;

	(void)fetcher;
	(void)why;
	pthread_mutex_lock(&lock);
	begun++;
	last = *request;
	snprintf(url, sizeof(url), "%.*s", (int)request->url.len, request->url.ptr);
	*f = (struct flight){ done, done_arg, page };
	pthread_mutex_unlock(&lock);
	if (pthread_create(&thread, NULL, fly, f) != 0 || pthread_detach(thread) != 0)
		abort();
	return ERR_OK;
}
