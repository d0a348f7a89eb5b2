/* net/proxy.c: the PROXY protocol's two headers, strictly. */
#include "daemon/net/proxy.h"

#define LINE_MAX_BYTES 107 /* with its CRLF */
#define FIXED_BYTES 16     /* of version 2: signature, version and command, family and protocol, length */
#define IPV4_BYTES 12
#define IPV6_BYTES 36
#define UNIX_BYTES 216

static const struct span line_start = { "PROXY ", 6 };
static const struct span signature = { "\r\n\r\n\0\r\nQUIT\n", 12 };

/* ERR_OK: all of `start` is there. ERR_STATE: what is there could become it. */
static enum err begins(struct span in, struct span start)
{
	if (in.len >= start.len)
		return span_starts(in, start) ? ERR_OK : ERR_NOT_FOUND;
	return span_starts(start, in) ? ERR_STATE : ERR_NOT_FOUND;
}

static enum err read_port(struct span text, uint16_t *out)
{
	uint64_t port;

	if (span_to_u64(text, 65535, &port) != ERR_OK || (text.len > 1 && text.ptr[0] == '0'))
		return ERR_SYNTAX;
	*out = (uint16_t)port;
	return ERR_OK;
}

/* "192.0.2.1 192.0.2.9 50000 443" behind the family. A mapped address is an IPv6 one in what it is written like. */
static enum err read_line_addresses(struct span rest, bool six, struct proxy_header *out)
{
	struct span word[4];
	size_t colon;

	for (int i = 0; i < 4; i++)
		if (!span_split(&rest, ' ', &word[i]))
			return ERR_SYNTAX;
	if (rest.ptr || net_ip_parse(word[0], &out->from) != ERR_OK || net_ip_parse(word[1], &out->to) != ERR_OK)
		return ERR_SYNTAX;
	if (span_find_char(word[0], ':', &colon) != six || span_find_char(word[1], ':', &colon) != six)
		return ERR_SYNTAX;
	if (read_port(word[2], &out->from.port) != ERR_OK || read_port(word[3], &out->to.port) != ERR_OK)
		return ERR_SYNTAX;
	return ERR_OK;
}

static enum err parse_line(struct span in, struct proxy_header *out)
{
	struct span line;
	size_t end;

	for (end = 0; end < in.len && end < LINE_MAX_BYTES && in.ptr[end] != '\r'; end++)
		if ((unsigned char)in.ptr[end] < 0x20 || (unsigned char)in.ptr[end] > 0x7e)
			return ERR_SYNTAX;
	if (end + 1 >= LINE_MAX_BYTES)
		return ERR_SYNTAX;
	if (end + 1 >= in.len)
		return ERR_STATE;
	if (in.ptr[end + 1] != '\n')
		return ERR_SYNTAX;
	line = span_skip(span_take(in, end), line_start.len);
	out->length = end + 2;
	if (span_starts(line, SPAN("TCP4 ")))
		return read_line_addresses(span_skip(line, 5), false, out);
	if (span_starts(line, SPAN("TCP6 ")))
		return read_line_addresses(span_skip(line, 5), true, out);
	/* What stands behind UNKNOWN is to be ignored. */
	return span_equals(line, SPAN("UNKNOWN")) || span_starts(line, SPAN("UNKNOWN ")) ? ERR_OK : ERR_SYNTAX;
}

static unsigned byte_at(struct span s, size_t at)
{
	return (unsigned char)s.ptr[at];
}

/* Type, 16 bits of length, value: they fill what is left behind the addresses. */
static bool are_extensions(struct span s)
{
	while (s.len >= 3) {
		size_t length = 3 + (byte_at(s, 1) << 8 | byte_at(s, 2));

		if (length > s.len)
			return false;
		s = span_make(s.ptr + length, s.len - length);
	}
	return s.len == 0;
}

static enum err read_addresses(struct span body, unsigned family, struct proxy_header *out)
{
	size_t ip = family == 0x11 ? 4 : 16, all;

	switch (family) {
	case 0x00: return ERR_OK; /* unspecified: to be ignored */
	case 0x11: all = IPV4_BYTES; break;
	case 0x21: all = IPV6_BYTES; break;
	case 0x31: all = UNIX_BYTES; break;
	default: return ERR_SYNTAX; /* datagrams over a stream, and what is not assigned */
	}
	if (body.len < all || !are_extensions(span_make(body.ptr + all, body.len - all)))
		return ERR_SYNTAX;
	if (family == 0x31)
		return ERR_OK;
	out->from = net_ip_from_bytes(span_take(body, ip));
	out->to = net_ip_from_bytes(span_make(body.ptr + ip, ip));
	out->from.port = (uint16_t)(byte_at(body, 2 * ip) << 8 | byte_at(body, 2 * ip + 1));
	out->to.port = (uint16_t)(byte_at(body, 2 * ip + 2) << 8 | byte_at(body, 2 * ip + 3));
	return ERR_OK;
}

static enum err parse_binary(struct span in, struct proxy_header *out)
{
	unsigned command;
	size_t length;

	if (in.len < FIXED_BYTES)
		return ERR_STATE;
	command = byte_at(in, 12);
	if (command != 0x20 && command != 0x21)
		return ERR_SYNTAX;
	length = byte_at(in, 14) << 8 | byte_at(in, 15);
	out->length = FIXED_BYTES + length;
	if (out->length > PROXY_MAX_BYTES)
		return ERR_LIMIT;
	if (in.len < out->length)
		return ERR_STATE;
	if (command == 0x20) /* LOCAL: the proxy looks whether we are well */
		return ERR_OK;
	return read_addresses(span_make(in.ptr + FIXED_BYTES, length), byte_at(in, 13), out);
}

enum err proxy_parse(struct span in, struct proxy_header *out)
{
	enum err line = begins(in, line_start), binary = begins(in, signature);

	*out = (struct proxy_header){ 0 };
	if (line == ERR_OK)
		return parse_line(in, out);
	if (binary == ERR_OK)
		return parse_binary(in, out);
	return line == ERR_STATE || binary == ERR_STATE ? ERR_STATE : ERR_NOT_FOUND;
}
