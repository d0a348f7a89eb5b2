#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/auth/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/crypto/digest.h"
#include "db/db.h"

static void open_all(struct place *p)
{
	struct directory_config config = { p->path, &p->key, NULL };
	struct auth_config auth = { .directory = NULL };

	assert_int_equal(directory_open(&config, &p->d, NULL), ERR_OK);
	auth.directory = p->d;
	assert_int_equal(auth_new(&auth, &p->auth), ERR_OK);
}

int place_begin(void **state)
{
	static const struct directory_setup setup = { SPAN("mail.example.test"), SPAN("example.test"), SPAN("ann@example.test"), SPAN("none") };
	struct place *p = calloc(1, sizeof(*p));
	const struct snapshot *s;

	if (!p)
		return -1;
	clock_set_source(&clock_fake);
	log_set_level(LOG_ERROR);
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/postroom-auth-XXXXXX");
	if (!mkdtemp(p->dir) || db_init())
		return -1;
	(void)snprintf(p->path, sizeof(p->path), "%s/control.db", p->dir);
	seal_key_random(&p->key);
	open_all(p);
	assert_int_equal(directory_setup(p->d, &setup, NULL), ERR_OK);
	assert_int_equal(directory_account_add(p->d, SPAN("bob@example.test"), SPAN(""), ROLE_USER, &p->bob, NULL), ERR_OK);
	assert_int_equal(auth_set_password(p->auth, p->bob, SPAN(PLACE_PASSWORD), NULL), ERR_OK);
	assert_int_equal(net_ip_parse(SPAN("198.51.100.7"), &p->peer), ERR_OK);
	s = directory_hold(p->d);
	p->ann = snapshot_account_by_login(s, SPAN("ann@example.test"))->id;
	snapshot_release(&s);
	*state = p;
	return 0;
}

struct place_code place_code(struct span secret, int64_t real_ms)
{
	uint64_t step = (uint64_t)(real_ms / 30000);
	uint8_t mac[SHA1_BYTES], counter[8];
	struct place_code code;
	const uint8_t *at;

	for (int i = 0; i < 8; i++)
		counter[i] = (uint8_t)(step >> (56 - 8 * i));
	crypto_hmac_sha1(secret, span_make((const char *)counter, 8), mac);
	at = mac + (mac[19] & 15);
	(void)snprintf(code.text, sizeof(code.text), "%06u", (((unsigned)at[0] & 127) << 24 | (unsigned)at[1] << 16 | (unsigned)at[2] << 8 | at[3]) % 1000000);
	return code;
}

struct place_code place_code_of_text(struct span base32, int64_t real_ms)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	char secret[20];
	unsigned held = 0, have = 0;
	size_t len = 0;

	assert_int_equal(base32.len, 32);
	for (size_t i = 0; i < base32.len; i++) {
		held = held << 5 | (unsigned)(strchr(digits, base32.ptr[i]) - digits);
		have += 5;
		if (have >= 8) {
			have -= 8;
			secret[len++] = (char)(held >> have);
		}
	}
	return place_code(span_make(secret, len), real_ms);
}

void place_restart(struct place *p)
{
	auth_free(&p->auth);
	directory_close(&p->d);
	open_all(p);
}

int place_end(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct place *p = *state;
	char path[128];
	int failed;

	auth_free(&p->auth);
	directory_close(&p->d);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", p->path, suffixes[i]);
		(void)unlink(path);
	}
	failed = rmdir(p->dir);
	free(p);
	return failed;
}
