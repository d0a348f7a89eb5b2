/* bench/text.c: made-up mail. */
#include "tests/bench/text.h"

#define SENTENCE "The quick brown fox asks whether the parcels for the second floor have come.\r\n"
#define BASE64 "VGhlIHF1aWNrIGJyb3duIGZveCBhc2tzIHdoZXRoZXIgdGhlIHBhcmNlbHMgaGF2ZSBjb21lLgAA\r\n"

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

void text_mixed(struct buf *b, size_t number)
{
	uint64_t dice = scramble(number);
	size_t octave = (size_t)1024 << (dice >> 32) % 6, size = octave + (size_t)(dice >> 40) % octave;

	add_header(b, number, dice);
	if (dice % 5 < 2) {
		buf_add_str(b, "Content-Type: multipart/mixed; boundary=\"=_part\"\r\n\r\n--=_part\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
		add_lines(b, SPAN(SENTENCE), size / 4);
		buf_add_str(b, "\r\n--=_part\r\nContent-Type: application/pdf; name=\"note.pdf\"\r\nContent-Transfer-Encoding: base64\r\n"
			       "Content-Disposition: attachment; filename=\"note.pdf\"\r\n\r\n");
		add_lines(b, SPAN(BASE64), size);
		buf_add_str(b, "\r\n--=_part--\r\n");
	} else {
		buf_add_str(b, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
		add_lines(b, SPAN(SENTENCE), size);
	}
}
