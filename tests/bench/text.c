/* bench/text.c: made-up mail. */
#include "tests/bench/text.h"

#include <pthread.h>

#define SENTENCE "The quick brown fox asks whether the parcels for the second floor have come.\r\n"

static void add_lines(struct buf *b, struct span line, size_t until)
{
	while (b->len < until && !b->failed)
		buf_add(b, line);
}

void text_plain(struct buf *b, const char *from, size_t number, size_t size)
{
	if (from)
		buf_addf(b, "From: Load Generator <%s>\r\n", from);
	buf_addf(b, "To: Reader <reader@bench.test>\r\nSubject: Message %zu\r\n", number);
	buf_addf(b, "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%zu@sender.example>\r\n", number);
	buf_add_str(b, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n");
	add_lines(b, SPAN(SENTENCE), size);
}

/* splitmix64: the same numbers everywhere. */
static uint64_t scramble(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static void add_header(struct buf *b, size_t number, uint64_t dice)
{
	static const char *const people[] = { "Ada Carpenter", "Bruno Keller", "\"Lindqvist, Sara\"", "=?utf-8?Q?J=C3=BCrgen_Gro=C3=9F?=" };

	buf_addf(b, "Received: from relay.example (relay.example [192.0.2.7])\r\n\tby mx.example with ESMTPS id %08x\r\n\tfor <u1@bench.test>; Fri, 20 Nov 2026 10:00:02 +0000\r\n", (unsigned)(dice >> 8));
	buf_addf(b, "Received: from desk.example (desk.example [198.51.100.9])\r\n\tby relay.example with ESMTPSA id %08x;\r\n\tFri, 20 Nov 2026 10:00:01 +0000\r\n", (unsigned)dice);
	buf_addf(b, "Date: Fri, %u Nov 2026 %02u:%02u:00 +0100\r\n", (unsigned)(number % 28 + 1), (unsigned)(number % 24), (unsigned)(number % 60));
	buf_addf(b, "From: %s <p%u@sender.example>\r\n", people[dice % 4], (unsigned)(dice % 97));
	buf_addf(b, "To: %s <u1@bench.test>, Office <office@bench.test>\r\n", people[(dice >> 4) % 4]);
	if ((dice >> 6) % 3 == 0)
		buf_add_str(b, "Cc: accounts@bench.test, \"Store, second floor\" <store@bench.test>\r\n");
	buf_add_str(b, "Subject: ");
	switch ((dice >> 9) % 4) {
	case 0: buf_addf(b, "Delivery note %zu", number); break;
	case 1: buf_addf(b, "Re: offer %zu for the new shelves", number); break;
	case 2: buf_addf(b, "=?utf-8?B?UsO8Y2tmcmFnZSB6dXIgUmVjaG51bmc=?= %zu", number); break;
	case 3: buf_addf(b, "Fwd: minutes of meeting %zu, please read before Thursday", number); break;
	}
	buf_addf(b, "\r\nMessage-ID: <%zu.%x@sender.example>\r\n", number, (unsigned)dice);
	if ((dice >> 11) % 2)
		buf_addf(b, "In-Reply-To: <%zu.%x@sender.example>\r\n", number / 2, (unsigned)scramble(number / 2));
	buf_add_str(b, "MIME-Version: 1.0\r\n");
}

/* ---- words ----
 *
 * A vocabulary of made-up words, the early ones far more often than the late ones, as in any language. Text and attachments are cut from pools, so that
 * making a message costs the load generator little.
 */
#define WORDS 5000
#define WORD_MAX 12
#define POOL_PIECES 400
#define POOL_PIECE 4096
#define LINE_MAX_CHARS 72
#define ATTACHED_PIECES 200
#define SIZE_MAX_BYTES (100u * 1024u)

static struct {
	char words[WORDS][WORD_MAX];
	struct buf text[POOL_PIECES], attached[ATTACHED_PIECES];
} pool;

static void make_word(char to[WORD_MAX], uint64_t number)
{
	static const char letters[] = "etaoinshrdlucmfwypvbgkqjxz";
	size_t length = 2 + scramble(number) % 9;

	for (size_t i = 0; i < length; i++) {
		uint64_t a = scramble(number * 16 + i) % 26, b = scramble(number * 16 + i + 8) % 26;

		to[i] = letters[a < b ? a : b]; /* common letters more often */
	}
	to[length] = 0;
}

static const char *any_word(uint64_t dice)
{
	double x = (double)(dice >> 11) / (double)(UINT64_C(1) << 53);

	return pool.words[(size_t)(x * x * WORDS)];
}

static void make_text(struct buf *b, uint64_t seed)
{
	size_t line = 0;

	for (uint64_t i = 0; b->len < POOL_PIECE - 4 * WORD_MAX; i++) {
		const char *word = any_word(scramble(seed * 4096 + i));

		if (line + strlen(word) > LINE_MAX_CHARS) {
			buf_add_str(b, "\r\n");
			line = 0;
		}
		buf_addf(b, "%s ", word);
		line += strlen(word) + 1;
	}
	buf_add_str(b, "\r\n");
}

static void make_attached(struct buf *b, uint64_t seed)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (uint64_t i = 0; b->len < POOL_PIECE - 128;) {
		for (unsigned k = 0; k < 76; k++, i++)
			buf_add_char(b, digits[scramble(seed * 8192 + i) % 64]);
		buf_add_str(b, "\r\n");
	}
}

static void make_pool(void)
{
	for (size_t i = 0; i < WORDS; i++)
		make_word(pool.words[i], i);
	memcpy(pool.words[0], TEXT_COMMON_WORD, sizeof TEXT_COMMON_WORD);
	for (size_t i = 0; i < POOL_PIECES; i++) {
		buf_init(&pool.text[i], POOL_PIECE);
		make_text(&pool.text[i], i + 1);
	}
	for (size_t i = 0; i < ATTACHED_PIECES; i++) {
		buf_init(&pool.attached[i], POOL_PIECE);
		make_attached(&pool.attached[i], i + 1);
	}
}

/* Pieces of a pool until there are `size` bytes, the last one cut behind a line. */
static void add_pieces(struct buf *b, const struct buf *pieces, size_t count, uint64_t seed, size_t size)
{
	for (uint64_t i = 0; size && !b->failed; i++) {
		struct span piece = span_take(buf_span(&pieces[scramble(seed + i) % count]), size);

		while (piece.len && piece.ptr[piece.len - 1] != '\n')
			piece.len--;
		if (!piece.len)
			break;
		buf_add(b, piece);
		size -= piece.len;
	}
}

void text_mixed(struct buf *b, size_t number)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint64_t dice = scramble(number), seed = scramble(dice);
	/* Each doubling as often as the next, the last one cut at 100 KiB. */
	size_t octave = (size_t)2048 << (dice >> 32) % 6, most = octave * 2 < SIZE_MAX_BYTES ? octave * 2 : SIZE_MAX_BYTES;
	size_t size = octave + (size_t)(dice >> 40) % (most - octave);

	(void)pthread_once(&once, make_pool);
	add_header(b, number, dice);
	if (number % 5 < 2) {
		buf_add_str(b, "Content-Type: multipart/mixed; boundary=\"=_part\"\r\n\r\n--=_part\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
		add_pieces(b, pool.text, POOL_PIECES, seed, size / 3 < 2000 ? size / 3 : 2000);
		buf_add_str(b, "\r\n--=_part\r\nContent-Type: application/pdf; name=\"note.pdf\"\r\nContent-Transfer-Encoding: base64\r\n"
			       "Content-Disposition: attachment; filename=\"note.pdf\"\r\n\r\n");
		add_pieces(b, pool.attached, ATTACHED_PIECES, seed, size > b->len + 100 ? size - b->len : 100);
		buf_add_str(b, "\r\n--=_part--\r\n");
	} else {
		buf_add_str(b, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
		if (number % 100 == 7)
			buf_add_str(b, TEXT_RARE_WORD "\r\n");
		add_pieces(b, pool.text, POOL_PIECES, seed, size > b->len ? size - b->len : 100);
	}
}
