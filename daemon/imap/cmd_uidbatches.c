/* imap/cmd_uidbatches.c: UIDBATCHES (RFC 10022): the mailbox cut into batches of UIDs, the newest first.
 *
 *   * UIDBATCHES (TAG "a") 9821:12040,7330:9820,1:7329
 *
 * Batches lie side by side without a gap, so what arrives by UID later never falls between two; the last one reaches down to 1.
 */
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"

/* "UIDBATCHES" SP nz-number [SP nz-number ":" nz-number] */
enum err imap_parse_uidbatches(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	out->batches.first = out->batches.last = 0;
	if (!e)
		e = parse_number(p, &out->batches.size);
	if (!e && !out->batches.size)
		e = ERR_SYNTAX;
	if (e || !parse_char(p, ' '))
		return e;
	e = parse_number(p, &out->batches.first);
	if (!e)
		e = parse_expect(p, ':');
	if (!e)
		e = parse_number(p, &out->batches.last);
	return !e && (!out->batches.first || !out->batches.last) ? ERR_SYNTAX : e;
}

/* Why not; empty: it can be done. `count`: batches that there are. */
static struct span refusal(const struct imap_session *s, const union imap_args *args, uint64_t count, enum imap_status *status)
{
	const uint32_t first = args->batches.first, last = args->batches.last;
	const uint64_t asked = first ? (uint64_t)last - first + 1 : count;

	*status = IMAP_BAD;
	if (first > last)
		return SPAN("[CLIENTBUG] Batches are counted upwards");
	*status = IMAP_NO;
	if (args->batches.size < IMAP_UIDBATCH_MIN)
		return SPAN("[TOOFEW] Batches are not that small");
	if (imap_has(s, CAP_MESSAGELIMIT) && args->batches.size > IMAP_MESSAGELIMIT && s->service->view_count(s->view) > IMAP_MESSAGELIMIT)
		return SPAN("[TOOMANY] No command works on that many messages");
	if (first && asked > IMAP_UIDBATCHES_MESSAGES_MAX / args->batches.size && asked > 1)
		return SPAN("[TOOMANY] Too many messages");
	return asked > IMAP_UIDBATCHES_MAX ? SPAN("[TOOMANY] Too many batches") : SPAN("");
}

/* The lowest UID of a batch: right above the next one. */
static uint32_t lowest(const struct imap_session *s, uint64_t batch, uint32_t size)
{
	uint32_t messages = s->service->view_count(s->view);

	return batch * size >= messages ? 1 : s->service->view_uid_of(s->view, (uint32_t)(messages - batch * size)) + 1;
}

enum step imap_run_uidbatches(struct imap_session *s, const union imap_args *args, struct out *out)
{
	const uint32_t messages = s->service->view_count(s->view), size = args->batches.size;
	const uint64_t count = ((uint64_t)messages + size - 1) / size;
	const uint64_t first = args->batches.first ? args->batches.first : 1;
	const uint64_t last = args->batches.first && args->batches.last < count ? args->batches.last : count;
	enum imap_status status;
	struct span why = refusal(s, args, count, &status);

	if (why.len)
		return imap_finish(s, out, status, why);
	reply_add(out, SPAN("* UIDBATCHES (TAG \""));
	reply_add(out, span_str(s->run.tag));
	reply_add(out, SPAN("\")"));
	for (uint64_t batch = first; batch <= last; batch++) {
		uint32_t highest = s->service->view_uid_of(s->view, (uint32_t)(messages - (batch - 1) * size));

		reply_add(out, batch == first ? SPAN(" ") : SPAN(","));
		reply_number(out, lowest(s, batch, size));
		reply_add(out, SPAN(":"));
		reply_number(out, highest);
	}
	reply_add(out, SPAN("\r\n"));
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}
