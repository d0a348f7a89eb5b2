/* A server that says anything at all, whatever it is asked: one attempt ends with an outcome for each recipient.
 *
 * The server is a thread on loopback that says the input, and closes when it has heard all of what was said to it. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/directory/directory.h"
#include "daemon/net/tls.h"
#include "daemon/relay/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SAID_MAX 65536

static struct {
	int fd;
	pthread_mutex_t lock; /* guards said, size */
	uint8_t said[SAID_MAX];
	size_t size;
	struct relay *relay;
	struct relay_host via;
} world;

static void *serve(void *arg)
{
	static uint8_t said[SAID_MAX];
	char heard[4096];
	size_t size;

	(void)arg;
	for (;;) {
		int peer = accept(world.fd, NULL, NULL);

		if (peer < 0 && errno != EINTR) /* libFuzzer's alarm */
			abort();
		if (peer < 0)
			continue;
		pthread_mutex_lock(&world.lock);
		size = world.size;
		memcpy(said, world.said, size);
		pthread_mutex_unlock(&world.lock);
		if (size > 0 && send(peer, said, size, MSG_NOSIGNAL) < 0)
			heard[0] = '\0';
		shutdown(peer, SHUT_WR);
		while (recv(peer, heard, sizeof(heard), 0) > 0)
			;
		close(peer);
	}
	return NULL;
}

static void begin(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct relay_config config = { .port = 25 };
	socklen_t len = sizeof(at);
	struct tls_client *client;
	struct note why;
	pthread_t thread;

	tls_init();
	pthread_mutex_init(&world.lock, NULL);
	world.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(world.fd, (struct sockaddr *)&at, len) != 0 || listen(world.fd, 64) != 0 || getsockname(world.fd, (struct sockaddr *)&at, &len) != 0)
		abort();
	if (tls_client_new(NULL, &client, &why) != ERR_OK)
		abort();
	config.tls = client;
	if (relay_new(&config, &world.relay, &why) != ERR_OK || pthread_create(&thread, NULL, serve, NULL) != 0)
		abort();
	world.via = (struct relay_host){ .host = SPAN("127.0.0.1"), .port = ntohs(at.sin_port), .tls = RELAY_TLS_OPPORTUNISTIC };
}

static enum err read_message(void *arg, uint64_t offset, char *to, size_t size, size_t *count_out)
{
	struct span rest = span_take(span_skip(SPAN("Subject: x\r\nContent-Type: text/plain\r\n\r\n.\r\n\xc3\xa4\r\n"), offset), size);

	(void)arg;
	memcpy(to, rest.ptr, rest.len);
	*count_out = rest.len;
	return ERR_OK;
}

static void check_text(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct relay_recipient to[3] = { { .address = SPAN("a@d.example"), .notify = 2 }, { .address = SPAN("b@d.example") }, { .address = SPAN("\xc3\xbc@d.example") } };
	struct arena arena;
	struct relay_job job = { .domain = SPAN("d.example"), .via = &world.via, .helo = SPAN("mail.example.org"), .reverse_path = SPAN("me@example.org"), .recipients = to, .recipient_count = 3, .size = 50, .body_8bit = true, .read = read_message, .arena = &arena };

	if (world.fd == 0)
		begin();
	job.via = &world.via;
	pthread_mutex_lock(&world.lock);
	world.size = size < SAID_MAX ? size : SAID_MAX;
	memcpy(world.said, data, world.size);
	pthread_mutex_unlock(&world.lock);
	arena_init(&arena, 4u << 20);
	relay_attempt(world.relay, &job);
	for (size_t i = 0; i < 3; i++) {
		if (to[i].reply.len == 0 || to[i].status[0] == '\0' || to[i].status[1] != '.')
			abort();
		check_text(to[i].reply);
	}
	arena_clear(&arena);
	return 0;
}
