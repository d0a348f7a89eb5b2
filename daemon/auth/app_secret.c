/* auth/app_secret.c: making app passwords, and their digest. */
#include "daemon/auth/app_secret.h"

#include <stdio.h>

#include "daemon/base/rng.h"

#define GROUP 5

static const char letters[] = "abcdefghjkmnpqrstuvwxyz";

void app_secret_make(struct buf *out)
{
	for (int i = 0; i < APP_SECRET_LETTERS; i++) {
		if (i > 0 && i % GROUP == 0)
			buf_add_char(out, '-');
		buf_add_char(out, letters[rng_below(sizeof(letters) - 1)]);
	}
}

bool app_secret_digest(struct span password, uint8_t out[SHA256_BYTES])
{
	char plain[APP_SECRET_LETTERS];
	size_t n = 0;
	bool good = true;

	for (size_t i = 0; i < password.len && good; i++) {
		char c = ascii_lower(password.ptr[i]);

		if (c == '-' || c == ' ')
			continue;
		good = n < sizeof(plain) && c != '\0' && strchr(letters, c);
		if (good)
			plain[n++] = c;
	}
	good = good && n == sizeof(plain);
	if (good)
		crypto_sha256(span_make(plain, n), out);
	explicit_bzero(plain, sizeof(plain));
	return good;
}

struct span app_secret_context(uint64_t account_id, char out[APP_SECRET_CONTEXT])
{
	(void)snprintf(out, APP_SECRET_CONTEXT, "app_password:%llu", (unsigned long long)account_id);
	return span_str(out);
}
