/* imap/reply_url.c: URLs come back as the client wrote them. */
#include "daemon/imap/reply_url.h"

#include "daemon/imap/parse.h"
#include "daemon/imap/reply.h"

void reply_url(struct out *out, struct span url)
{
	bool is_atom = span_istarts(url, SPAN("imap:")), is_quotable = true;

	for (size_t i = 0; i < url.len; i++) {
		is_atom = is_atom && parse_is_atom_char(url.ptr[i]);
		is_quotable = is_quotable && url.ptr[i] >= 0x20 && url.ptr[i] < 0x7f && url.ptr[i] != '"' && url.ptr[i] != '\\';
	}
	if (is_atom) {
		out_add(out, url);
	} else if (is_quotable) {
		out_add(out, SPAN("\""));
		out_add(out, url);
		out_add(out, SPAN("\""));
	} else {
		reply_literal_size(out, url.len);
		out_add(out, url);
	}
}
