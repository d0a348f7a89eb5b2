/* bench/load.c: the load generator of `make bench`: options, and one kind of work a call.
 *
 *   load deliver|submit|append|fill|script|retr|idle|guess|logins|web --port N [--imap N] [--sink N] [--connections N] [--count N] [--size N] [--users N]
 *        [--account N] [--seconds N] [--domain D] [--password P] [--tls] [IMAP command... | PATH FIELD...]
 */
#include "tests/bench/load.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/resource.h>

static const struct {
	const char *name;
	bool (*run)(const struct load *l);
} works[] = {
	{ "deliver", load_deliver },
	{ "submit", load_submit },
	{ "append", load_append },
	{ "fill", load_fill },
	{ "script", load_script },
	{ "retr", load_retr },
	{ "idle", load_idle },
	{ "guess", load_guess },
	{ "logins", load_logins },
	{ "web", load_web },
};

/* Every option has a value but the last. */
static const struct option options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "imap", required_argument, NULL, 'i' },
	{ "sink", required_argument, NULL, 'k' },
	{ "connections", required_argument, NULL, 'c' },
	{ "users", required_argument, NULL, 'u' },
	{ "account", required_argument, NULL, 'a' },
	{ "count", required_argument, NULL, 'n' },
	{ "size", required_argument, NULL, 's' },
	{ "seconds", required_argument, NULL, 'S' },
	{ "domain", required_argument, NULL, 'd' },
	{ "password", required_argument, NULL, 'w' },
	{ "tls", no_argument, NULL, 't' },
	{ 0 },
};

static bool set_number(struct load *l, int letter, const char *value)
{
	const struct {
		int letter;
		unsigned *small;
		size_t *large;
	} numbers[] = {
		{ 'p', &l->port, NULL },
		{ 'i', &l->imap_port, NULL },
		{ 'k', &l->sink_port, NULL },
		{ 'c', &l->connections, NULL },
		{ 'u', &l->users, NULL },
		{ 'a', &l->account, NULL },
		{ 'n', NULL, &l->count },
		{ 's', NULL, &l->size },
		{ 'S', NULL, &l->seconds },
	};
	uint64_t n;

	if (span_to_u64(span_str(value), 1u << 30, &n) != ERR_OK)
		return false;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (numbers[i].letter != letter)
			continue;
		if (numbers[i].small)
			*numbers[i].small = (unsigned)n;
		else
			*numbers[i].large = n;
		return true;
	}
	return false;
}

static bool read_options(int argc, char **argv, struct load *l)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (letter == 'd')
			l->domain = optarg;
		else if (letter == 'w')
			l->password = optarg;
		else if (letter == 't')
			l->tls = true;
		else if (letter == '?' || !set_number(l, letter, optarg))
			return false;
	}
	l->words = argv + optind;
	l->word_count = argc - optind;
	return l->port > 0 && l->users > 0;
}

int main(int argc, char **argv)
{
	struct load l = { .connections = 1, .count = 100, .size = 4096, .users = 20, .account = 1, .seconds = 5, .domain = "bench.test", .password = "" };
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (size_t i = 0; argc > 1 && i < sizeof(works) / sizeof(works[0]); i++)
		if (span_equals(span_str(argv[1]), span_str(works[i].name)) && read_options(argc - 1, argv + 1, &l))
			return works[i].run(&l) ? 0 : 1;
	fprintf(stderr, "usage: load deliver|submit|append|fill|script|retr|idle|guess|logins|web --port N ...\n");
	return 64;
}
