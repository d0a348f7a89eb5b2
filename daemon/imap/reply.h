/* imap/reply.h: the only writer of protocol text. */
#ifndef POSTROOM_IMAP_REPLY_H
#define POSTROOM_IMAP_REPLY_H

#include "daemon/imap/session.h"

/* To a connection over the limits, before it has a session. */
#define REPLY_BUSY SPAN("* BYE [UNAVAILABLE] Too many connections, try again later\r\n")

/* Whole lines. */
void reply_tagged(struct out *out, const char *tag, enum imap_status status, struct span text);
void reply_untagged(struct out *out, const char *text);
void reply_bye(struct out *out, const char *text);
void reply_ok_code(struct out *out, struct span code_and_text); /* "* OK [...] ..." */
void reply_continue(struct out *out, const char *text);
void reply_count(struct out *out, uint32_t number, const char *word); /* "* 23 EXISTS" */
void reply_in_progress(struct out *out, const char *tag, uint64_t done, uint64_t goal);
void reply_capability(const struct imap_session *s, struct out *out);
struct span reply_capability_text(struct imap_session *s, const char *words); /* "[CAPABILITY ...] words" */
void reply_greeting(const struct imap_session *s, struct out *out);
void reply_select_flags(const struct imap_session *s, struct out *out); /* FLAGS and PERMANENTFLAGS */
/* The whole line of one message; `modseq` 0: not told. */
void reply_fetch_flags(const struct imap_session *s, struct out *out, uint32_t sequence, uint32_t uid, uint64_t flags, uint64_t modseq, bool with_uid);
/* "[COPYUID 38505 304,319:320 3956:3958] Done" as the text of a reply. */
struct span reply_copyuid(struct arena *a, uint32_t uid_validity, const struct uid_pair *pairs, size_t count);

/* Pieces of a line that a command builds: FETCH, SEARCH. */
/* "* 23 FETCH (", and under UIDONLY "* 2310 UIDFETCH (" (RFC 9586 3.3). */
void reply_fetch_begin(const struct imap_session *s, struct out *out, uint32_t sequence, uint32_t uid);
void reply_modseq(struct out *out, uint64_t modseq); /* "MODSEQ (12121231000)" */
void reply_add(struct out *out, struct span text);
void reply_number(struct out *out, uint64_t number);
void reply_flags(const struct imap_session *s, struct out *out, uint64_t flags, bool recent); /* "(\Seen ...)"; rev2 knows no \Recent */
void reply_internal_date(struct out *out, int64_t ms, int offset_minutes);
void reply_literal_size(struct out *out, uint64_t size); /* "{n}" CRLF; the bytes follow */
void reply_file(struct out *out, struct out_file *file, uint64_t offset, uint64_t length);

#endif
