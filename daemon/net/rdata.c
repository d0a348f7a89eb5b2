/* net/rdata.c: readers of DNS record data, which anyone may have written (RFC 1035 3.1, 3.3; RFC 6698 2.1). */
#include "daemon/net/rdata.h"

#define LABEL_MAX 63u

/* A label of anything but visible ASCII, or with the characters that masters files and logs give a meaning, is refused. */
static bool is_label(const char *label, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (label[i] <= ' ' || label[i] > '~' || strchr(".\\\"();@$", label[i]))
			return false;
	return true;
}

static enum err read_name(struct span rdata, char name_out[DNS_MAX_NAME])
{
	size_t at = 0, len = 0;

	while (at < rdata.len) {
		size_t label = (uint8_t)rdata.ptr[at++];

		if (label == 0) {
			name_out[len] = 0;
			return at == rdata.len ? ERR_OK : ERR_CORRUPT;
		}
		if (label > LABEL_MAX || label > rdata.len - at || len + 1 + label >= DNS_MAX_NAME)
			return ERR_CORRUPT;
		if (!is_label(rdata.ptr + at, label))
			return ERR_CORRUPT;
		if (len > 0)
			name_out[len++] = '.';
		memcpy(name_out + len, rdata.ptr + at, label);
		len += label;
		at += label;
	}
	return ERR_CORRUPT;
}

enum err dns_read_mx(struct span rdata, struct dns_mx *out)
{
	if (rdata.len < 3)
		return ERR_CORRUPT;
	out->preference = (uint16_t)((uint8_t)rdata.ptr[0] << 8 | (uint8_t)rdata.ptr[1]);
	return read_name(span_skip(rdata, 2), out->host);
}

enum err dns_read_ip(enum dns_type type, struct span rdata, struct net_addr *out)
{
	size_t len = type == DNS_A ? 4 : type == DNS_AAAA ? 16
							  : 0;

	if (len == 0 || rdata.len != len)
		return ERR_CORRUPT;
	*out = net_ip_from_bytes(rdata);
	return ERR_OK;
}

enum err dns_read_tlsa(struct span rdata, struct dns_tlsa *out)
{
	if (rdata.len < 4)
		return ERR_CORRUPT;
	*out = (struct dns_tlsa){ (uint8_t)rdata.ptr[0], (uint8_t)rdata.ptr[1], (uint8_t)rdata.ptr[2], span_skip(rdata, 3) };
	return ERR_OK;
}

enum err dns_read_txt(struct span rdata, struct buf *out)
{
	size_t at = 0;

	while (at < rdata.len) {
		size_t len = (uint8_t)rdata.ptr[at++];

		if (len > rdata.len - at)
			return ERR_CORRUPT;
		buf_add(out, span_make(rdata.ptr + at, len));
		at += len;
	}
	return rdata.len == 0 ? ERR_CORRUPT : out->failed ? ERR_LIMIT
							  : ERR_OK;
}
