/* A message as a program hands it to sendmail(1): what goes out has whole lines, a header and recipients that end no command. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/cli/sendmail_message.h"
#include "daemon/mime/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\r' && (i + 1 == text.len || text.ptr[i + 1] != '\n'))
			abort();
		if (text.ptr[i] == '\n' && (i == 0 || text.ptr[i - 1] != '\r'))
			abort();
	}
	if (text.len > 0 && text.ptr[text.len - 1] != '\n')
		abort();
}

static void check_recipients(const struct sendmail_message *m)
{
	for (size_t i = 0; i < m->recipient_count; i++) {
		struct span address = m->recipients[i].address;

		if (address.len == 0)
			abort();
		for (size_t k = 0; k < address.len; k++)
			if ((unsigned char)address.ptr[k] < ' ')
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sendmail_home home = { SPAN("mail.example.org"), SPAN("ann@mail.example.org"), SPAN("example.org") };
	struct sendmail_message m;
	unsigned flags;
	FILE *from;

	if (size < 2)
		return 0;
	flags = data[0];
	from = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "r");
	if (!from)
		return 0;
	sendmail_message_init(&m);
	if (sendmail_message_read(&m, from, flags & 1) == ERR_OK) {
		enum err e = sendmail_message_prepare(&m, &home, flags & 2, home.sender, flags & 4 ? SPAN("A \"name\"\r\nX: y") : SPAN("Ann"));

		check_recipients(&m);
		if (e == ERR_OK) {
			struct span header = buf_span(&m.header);

			check_lines(header);
			check_lines(m.body);
			if (header_length(header) != header.len || !span_ends(header, SPAN("\r\n\r\n")))
				abort();
			if ((flags & 2) && header_count(header, SPAN("Bcc")) > 0)
				abort();
		}
	}
	sendmail_message_clear(&m);
	fclose(from);
	return 0;
}
