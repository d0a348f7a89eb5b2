/* webui/refusal.c: responses without the library. */
#include "webui/refusal.h"

#include "api/plain.h"
#include "webui/security.h"

static const struct {
	int status;
	const char *reason, *code, *detail;
} refusals[] = {
	[REFUSAL_NONE] = { 500, "Internal Server Error", "internal", "" },
	[REFUSAL_BAD_REQUEST] = { 400, "Bad Request", "bad_request", "the request can not be read in one way only (RFC 9112)" },
	[REFUSAL_NOT_TLS] = { 400, "Bad Request", "not_tls", "this port speaks TLS: use https" },
	[REFUSAL_NOT_ALLOWED] = { 403, "Forbidden", "not_allowed", "this socket is for root and for the user of the service" },
	[REFUSAL_TIMEOUT] = { 408, "Request Timeout", "timeout", "the request did not arrive in time" },
	[REFUSAL_BODY] = { 413, "Content Too Large", "too_large", "the body is over the limit" },
	[REFUSAL_TARGET] = { 414, "URI Too Long", "target_too_long", "the address is over 8 KiB" },
	[REFUSAL_EXPECTATION] = { 417, "Expectation Failed", "unknown_expectation", "only 100-continue can be expected" },
	[REFUSAL_MISDIRECTED] = { 421, "Misdirected Request", "misdirected", "this server does not answer under that name" },
	[REFUSAL_HEAD] = { 431, "Request Header Fields Too Large", "head_too_large", "at most 100 header fields and 16 KiB are read" },
	[REFUSAL_CODING] = { 501, "Not Implemented", "unknown_transfer_coding", "chunked is the only transfer coding that is read" },
	[REFUSAL_BUSY] = { 503, "Service Unavailable", "busy", "too many connections: try again" },
};

int refusal_status(enum refusal r)
{
	return refusals[r].status;
}

void refusal_write(enum refusal r, struct span request_id, struct buf *out)
{
	const struct api_problem problem = { .status = refusals[r].status, .code = refusals[r].code, .detail = refusals[r].detail, .request_id = request_id };
	struct buf body;

	buf_init(&body, 4096);
	api_problem_write(&problem, &body);
	buf_addf(out, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\nContent-Length: %zu\r\n", refusals[r].status, refusals[r].reason, body.len);
	for (size_t i = 0; i < security_headers_count; i++)
		buf_addf(out, "%s: %s\r\n", security_headers[i].name, security_headers[i].value);
	if (r == REFUSAL_BUSY)
		buf_add_str(out, "Retry-After: 1\r\n");
	if (request_id.len > 0)
		buf_addf(out, "X-Request-Id: %.*s\r\n", (int)request_id.len, request_id.ptr);
	buf_add_str(out, "\r\n");
	buf_add(out, buf_span(&body));
	buf_clear(&body);
}
