/* imap/cmd_small.c: CAPABILITY, NOOP, CHECK, LOGOUT, ID, STARTTLS, COMPRESS, NAMESPACE, UNSELECT. */
#include "daemon/base/version.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"

enum step imap_run_capability(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	reply_capability(s, out);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

enum step imap_run_noop(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

enum step imap_run_logout(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	imap_unselect(s);
	reply_bye(out, "Goodbye");
	imap_set_state(s, IMAP_ENDED);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

enum step imap_run_id(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	/* Which release it is, only people of the house are told. */
	reply_untagged(out, s->state == IMAP_START ? "ID (\"name\" \"Postroom\")" : "ID (\"name\" \"Postroom\" \"version\" \"" POSTROOM_VERSION "\")");
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

enum step imap_run_starttls(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	if (s->peer->tls)
		return imap_finish(s, out, IMAP_BAD, SPAN("TLS is on already"));
	if (!s->may_starttls)
		return imap_finish(s, out, IMAP_BAD, SPAN("TLS is not offered here"));
	s->run.then = STEP_STARTTLS;
	return imap_finish(s, out, IMAP_OK, SPAN("Begin the handshake"));
}

/* RFC 4978: from the byte behind the tagged reply on, both ways. */
enum step imap_run_compress(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	if (s->compressed) /* RFC 4978 3: NO is for another layer's compression, which there is not */
		return imap_finish(s, out, IMAP_BAD, SPAN("[COMPRESSIONACTIVE] DEFLATE is on already"));
	s->compressed = true;
	s->run.then = STEP_COMPRESS;
	return imap_finish(s, out, IMAP_OK, SPAN("DEFLATE begins"));
}

enum step imap_run_namespace(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	reply_untagged(out, imap_has(s, CAP_ACL) ? "NAMESPACE ((\"\" \"/\")) ((\"Shared/\" \"/\")) NIL" : "NAMESPACE ((\"\" \"/\")) NIL NIL");
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

enum step imap_run_unselect(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	imap_unselect(s);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}
