/* auth/totp.c: codes by RFC 6238, and what is remembered of them.
 *
 *   none --begin--> waiting --confirm--> on --remove--> none
 *
 * (1) A code opens once, and none that is older than the last one: decided and stored in one transaction.
 * (2) Saying that a code fits another time helps who has a wrong clock, and would hand one who guesses a code of the future some thousand
 *     times as often as guessing opens. So a step that was told is burnt: its code does not open when its time comes.
 * (3) All steps are computed and compared whatever fits.
 */
#include "daemon/auth/totp.h"

#include "daemon/auth/attempt.h"
#include "daemon/auth/inside.h"
#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/base/rng.h"
#include "daemon/directory/directory.h"
#include "db/control_passkey.h"
#include "db/control_totp.h"

#define SECRET_BYTES 20 /* RFC 4226 section 4: 160 bits are recommended */
#define SEALED_MAX 256
#define CONTEXT_MAX 40
#define STEP_MS 30000
#define DIGITS 6
#define NEAR_STEPS 1 /* RFC 6238 5.2: the code of before, and of a clock that is a little ahead */
#define FAR_STEPS (24 * 3600 * 1000 / STEP_MS)
#define CODE_MAX 64
#define RECOVERY_BYTES 10 /* letters and digits of base32: 50 bits */

struct row {
	uint64_t account_id;
	struct db_totp state;
	struct buf sealed;
	int64_t step, now_step;
	unsigned left, passkeys;
	uint8_t digest[SHA256_BYTES];
};

static void row_init(struct row *r, uint64_t account_id)
{
	*r = (struct row){ .account_id = account_id };
	buf_init(&r->sealed, SEALED_MAX);
}

static struct span context_of(uint64_t account_id, struct buf *out)
{
	buf_init(out, CONTEXT_MAX);
	buf_addf(out, "totp:%llu", (unsigned long long)account_id);
	return buf_span(out);
}

/* RFC 4226 section 5.3. */
static void make_code(struct span secret, int64_t step, char out[DIGITS])
{
	uint8_t counter[8], mac[SHA1_BYTES];
	uint32_t number;

	for (int i = 0; i < 8; i++)
		counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
	crypto_hmac_sha1(secret, span_make((const char *)counter, sizeof(counter)), mac);
	memcpy(&number, mac + (mac[SHA1_BYTES - 1] & 15), sizeof(number));
	number = (__builtin_bswap32(number) & 0x7fffffff) % 1000000;
	for (int i = DIGITS; i > 0; i--, number /= 10)
		out[i - 1] = (char)('0' + number % 10);
}

/* The step nearest to `now` that the code fits, at most `reach` away. */
static bool find_step(struct span secret, const char code[DIGITS], int64_t now, int64_t reach, int64_t *out)
{
	bool found = false;
	char candidate[DIGITS];

	for (int64_t away = reach; away >= 0; away--) {
		for (int side = -1; side <= (away ? 1 : -1); side += 2) {
			make_code(secret, now + side * away, candidate);
			if (crypto_equals(candidate, code, DIGITS)) {
				found = true;
				*out = now + side * away;
			}
		}
	}
	return found;
}

/* People type them in groups. */
static size_t read_code(struct span typed, char out[CODE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < typed.len; i++) {
		char c = ascii_lower(typed.ptr[i]);

		if (c == ' ' || c == '-')
			continue;
		if (n == CODE_MAX)
			return 0;
		out[n++] = c;
	}
	return n;
}

static bool is_number(const char *code, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!ascii_is_digit(code[i]))
			return false;
	}
	return len == DIGITS;
}

static enum err get(struct db *db, void *arg)
{
	struct row *r = arg;
	enum err e = db_recovery_count(db, r->account_id, &r->left);

	if (!e)
		e = db_passkey_count(db, r->account_id, &r->passkeys);
	return e ? e : db_totp_get(db, r->account_id, &r->state, &r->sealed);
}

static enum err unseal(struct auth *a, const struct row *r, struct buf *secret)
{
	struct buf context;
	enum err e = directory_unseal(a->directory, context_of(r->account_id, &context), buf_span(&r->sealed), secret);

	buf_clear(&context);
	return e;
}

/* ---- setting it up ---- */

static void add_escaped(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (ascii_is_alpha(c) || ascii_is_digit(c) || memchr("-._~@", c, 5))
			buf_add_char(out, c);
		else
			buf_addf(out, "%%%02X", (unsigned char)c);
	}
}

static enum err write_uri(struct auth *a, uint64_t account_id, struct span base32, struct buf *out)
{
	const struct snapshot *s = directory_hold(a->directory);
	const struct account *account = snapshot_account(s, account_id);
	struct span issuer = snapshot_hostname(s);

	buf_add_str(out, "otpauth://totp/");
	add_escaped(out, issuer);
	buf_add_char(out, ':');
	if (account)
		add_escaped(out, account->address);
	buf_add_str(out, "?secret=");
	buf_add(out, base32);
	buf_add_str(out, "&issuer=");
	add_escaped(out, issuer);
	buf_add_str(out, "&algorithm=SHA1&digits=6&period=30");
	snapshot_release(&s);
	return account ? ERR_OK : ERR_NOT_FOUND;
}

static enum err begin(struct db *db, void *arg)
{
	const struct row *r = arg;

	return db_totp_begin(db, r->account_id, buf_span(&r->sealed), clock_real_ms());
}

enum err totp_begin(struct auth *a, uint64_t account_id, struct buf *secret, struct buf *uri)
{
	uint8_t bytes[SECRET_BYTES];
	struct span plain = span_make((const char *)bytes, sizeof(bytes));
	struct buf context;
	struct row r;
	enum err e;

	row_init(&r, account_id);
	rng_bytes(bytes, sizeof(bytes));
	e = directory_seal(a->directory, context_of(account_id, &context), plain, &r.sealed);
	if (!e)
		e = directory_write(a->directory, begin, &r, NULL);
	if (!e) {
		base32_encode(plain, secret);
		e = write_uri(a, account_id, buf_span(secret), uri);
	}
	if (!e && (secret->failed || uri->failed))
		e = ERR_LIMIT;
	explicit_bzero(bytes, sizeof(bytes));
	buf_clear(&context);
	buf_clear(&r.sealed);
	return e;
}

/* ---- recovery codes ---- */

/* Keyed: their 50 bits alone would not withstand one who has the file. */
static void digest_recovery(const struct auth *a, uint64_t account_id, struct span code, uint8_t out[SHA256_BYTES])
{
	uint8_t key[SHA256_BYTES];
	struct buf text;

	directory_derive_key(a->directory, SPAN("recovery code"), key);
	buf_init(&text, CONTEXT_MAX + CODE_MAX);
	buf_addf(&text, "%llu:", (unsigned long long)account_id);
	buf_add(&text, code);
	crypto_hmac_sha256(span_make((const char *)key, sizeof(key)), buf_span(&text), out);
	buf_wipe(&text);
	explicit_bzero(key, sizeof(key));
}

struct recovery {
	uint64_t account_id;
	uint8_t digests[TOTP_RECOVERY_CODES][SHA256_BYTES];
};

static enum err store_recovery(struct db *db, void *arg)
{
	const struct recovery *r = arg;
	enum err e = db_recovery_clear(db, r->account_id);

	for (size_t i = 0; !e && i < TOTP_RECOVERY_CODES; i++)
		e = db_recovery_add(db, r->account_id, span_make((const char *)r->digests[i], SHA256_BYTES));
	return e;
}

static void make_recovery(const struct auth *a, struct recovery *r, struct buf *out)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	char code[RECOVERY_BYTES];

	for (size_t i = 0; i < TOTP_RECOVERY_CODES; i++) {
		for (size_t k = 0; k < RECOVERY_BYTES; k++)
			code[k] = letters[rng_below(sizeof(letters) - 1)];
		digest_recovery(a, r->account_id, span_make(code, RECOVERY_BYTES), r->digests[i]);
		buf_add(out, span_make(code, RECOVERY_BYTES / 2));
		buf_add_char(out, '-');
		buf_add(out, span_make(code + RECOVERY_BYTES / 2, RECOVERY_BYTES / 2));
		buf_add_char(out, '\n');
	}
	explicit_bzero(code, sizeof(code));
}

static enum err replace_recovery(struct auth *a, uint64_t account_id, struct buf *out)
{
	struct recovery r = { .account_id = account_id };
	enum err e;

	make_recovery(a, &r, out);
	e = out->failed ? ERR_LIMIT : directory_write(a->directory, store_recovery, &r, NULL);
	explicit_bzero(&r, sizeof(r));
	return e;
}

enum err totp_new_recovery_codes(struct auth *a, uint64_t account_id, struct buf *recovery)
{
	struct row r;
	enum err e;

	row_init(&r, account_id);
	e = directory_read(a->directory, get, &r);
	buf_clear(&r.sealed);
	if (e && e != ERR_NOT_FOUND)
		return e;
	if (r.passkeys == 0 && !r.state.confirmed)
		return ERR_NOT_FOUND;
	return replace_recovery(a, account_id, recovery);
}

/* ---- turning it on ---- */

static enum err confirm(struct db *db, void *arg)
{
	const struct row *r = arg;

	return db_totp_confirm(db, r->account_id, r->step);
}

static void set_skew(struct totp_result *out, int64_t step, int64_t now_step)
{
	out->verdict = TOTP_OTHER_TIME;
	out->skew_s = (step - now_step) * (STEP_MS / 1000);
}

enum err totp_confirm(struct auth *a, uint64_t account_id, struct span code, struct buf *recovery, struct totp_result *out)
{
	char digits[CODE_MAX];
	size_t len = read_code(code, digits);
	struct buf secret;
	struct row r;
	enum err e;

	*out = (struct totp_result){ .verdict = TOTP_WRONG };
	row_init(&r, account_id);
	buf_init(&secret, SECRET_BYTES);
	r.now_step = clock_real_ms() / STEP_MS;
	e = directory_read(a->directory, get, &r);
	if (e == ERR_NOT_FOUND) {
		out->verdict = TOTP_OFF;
		e = ERR_OK;
	} else if (!e && r.state.confirmed) {
		e = ERR_EXISTS;
	} else if (!e) {
		e = unseal(a, &r, &secret);
		if (!e && is_number(digits, len) && find_step(buf_span(&secret), digits, r.now_step, FAR_STEPS, &r.step)) {
			if (r.step < r.now_step - NEAR_STEPS || r.step > r.now_step + NEAR_STEPS)
				set_skew(out, r.step, r.now_step);
			else
				out->verdict = TOTP_OK;
		}
	}
	if (!e && out->verdict == TOTP_OK)
		e = directory_write(a->directory, confirm, &r, NULL);
	if (!e && out->verdict == TOTP_OK)
		e = replace_recovery(a, account_id, recovery);
	auth_forget(a, account_id);
	buf_wipe(&secret);
	buf_clear(&r.sealed);
	explicit_bzero(digits, sizeof(digits));
	return e;
}

/* ---- checking ---- */

static enum err use_step(struct db *db, void *arg)
{
	const struct row *r = arg;

	return db_totp_use(db, r->account_id, r->step);
}

static enum err burn_step(struct db *db, void *arg)
{
	const struct row *r = arg;

	return db_totp_burn(db, r->account_id, r->step, r->now_step);
}

static enum err use_recovery(struct db *db, void *arg)
{
	const struct row *r = arg;

	return db_recovery_use(db, r->account_id, span_make((const char *)r->digest, sizeof(r->digest)));
}

/* Codes of the near steps open; the far ones are only told of. */
static enum err check_number(struct auth *a, struct row *r, const char digits[DIGITS], struct totp_result *out)
{
	struct buf secret;
	enum err e;

	buf_init(&secret, SECRET_BYTES);
	e = unseal(a, r, &secret);
	if (!e && find_step(buf_span(&secret), digits, r->now_step, NEAR_STEPS, &r->step)) {
		e = directory_write(a->directory, use_step, r, NULL);
		out->verdict = e == ERR_EXISTS ? TOTP_USED : TOTP_OK;
		e = e == ERR_EXISTS ? ERR_OK : e;
	} else if (!e && find_step(buf_span(&secret), digits, r->now_step, FAR_STEPS, &r->step)) {
		if (r->step > r->now_step)
			e = directory_write(a->directory, burn_step, r, NULL);
		set_skew(out, r->step, r->now_step);
	}
	buf_wipe(&secret);
	return e;
}

static enum err check_recovery(struct auth *a, struct row *r, struct span code, struct totp_result *out)
{
	enum err e;

	digest_recovery(a, r->account_id, code, r->digest);
	e = directory_write(a->directory, use_recovery, r, NULL);
	if (!e)
		out->verdict = TOTP_OK;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err look(struct auth *a, struct row *r, struct span code, struct totp_result *out)
{
	char typed[CODE_MAX];
	size_t len = read_code(code, typed);
	enum err e = directory_read(a->directory, get, r);
	bool on = e == ERR_OK && r->state.confirmed;

	if (e && e != ERR_NOT_FOUND)
		return e;
	e = ERR_OK;
	if (!on && r->left == 0 && r->passkeys == 0)
		out->verdict = TOTP_OFF;
	else if (on && is_number(typed, len))
		e = check_number(a, r, typed, out);
	else if (len == RECOVERY_BYTES)
		e = check_recovery(a, r, span_make(typed, len), out);
	explicit_bzero(typed, sizeof(typed));
	return e;
}

enum err totp_check(struct auth *a, uint64_t account_id, const struct net_addr *peer, struct span code, struct totp_result *out)
{
	struct attempt attempt;
	struct row r;
	enum err e;

	*out = (struct totp_result){ .verdict = TOTP_WRONG };
	attempt_begin_account(a, AUTH_WEB, account_id, peer, &attempt);
	if (attempt_is_refused(a, &attempt, &out->retry_after_ms)) {
		out->verdict = TOTP_REFUSED;
		return ERR_OK;
	}
	out->retry_after_ms = 0;
	row_init(&r, account_id);
	r.now_step = clock_real_ms() / STEP_MS;
	e = look(a, &r, code, out);
	if (e)
		out->verdict = TOTP_WRONG;
	else if (out->verdict == TOTP_OK)
		attempt_passed(a, &attempt, 0);
	else if (out->verdict != TOTP_OFF)
		out->delay_ms = attempt_failed(a, &attempt, 0);
	buf_clear(&r.sealed);
	return e;
}

/* ---- the rest ---- */

enum err totp_state(struct auth *a, uint64_t account_id, bool *on_out, unsigned *recovery_left_out)
{
	struct row r;
	enum err e;

	row_init(&r, account_id);
	e = directory_read(a->directory, get, &r);
	*on_out = !e && r.state.confirmed;
	*recovery_left_out = r.left;
	buf_clear(&r.sealed);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err remove_all(struct db *db, void *arg)
{
	struct row *r = arg;
	enum err e = db_passkey_count(db, r->account_id, &r->passkeys);

	if (!e && r->passkeys == 0)
		e = db_recovery_clear(db, r->account_id);
	return e ? e : db_totp_remove(db, r->account_id);
}

enum err totp_remove(struct auth *a, uint64_t account_id)
{
	struct row r;
	enum err e;

	row_init(&r, account_id);
	e = directory_write(a->directory, remove_all, &r, NULL);
	auth_forget(a, account_id);
	return e;
}
