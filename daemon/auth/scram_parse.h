/* auth/scram_parse.h: the client's messages of SCRAM (RFC 5802 section 7); for files of auth/ only. Spans point into the message. */
#ifndef POSTROOM_AUTH_SCRAM_PARSE_H
#define POSTROOM_AUTH_SCRAM_PARSE_H

#include "daemon/base/buf.h"

enum scram_flag {
	SCRAM_NOT_BOUND,   /* "n": the client cannot */
	SCRAM_NOT_OFFERED, /* "y": it could, and believes that the server cannot */
	SCRAM_BOUND,       /* "p=" */
};
struct scram_client_first {
	enum scram_flag flag;
	struct span binding_name;      /* of BOUND */
	struct span gs2_header;        /* with its commas */
	struct span authzid, username; /* escaped still; no authzid: empty */
	struct span nonce;
	struct span bare;
};
/* ERR_SYNTAX: also with a mandatory extension, for there is none that we know. */
enum err scram_parse_first(struct span message, struct scram_client_first *out) MUST_CHECK;

struct scram_client_final {
	struct span binding; /* base64 */
	struct span nonce;
	struct span proof; /* base64 */
	struct span without_proof;
};
enum err scram_parse_final(struct span message, struct scram_client_final *out) MUST_CHECK;

/* Undoes =2C and =3D. ERR_SYNTAX: another '='. */
enum err scram_unescape(struct span name, struct buf *out) MUST_CHECK;

#endif
