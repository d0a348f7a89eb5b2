/* fuzz/imap_grammar.c: the grammar of RFC 3501, RFC 9051 and the extensions that are served, as rules with alternatives.
 *
 * "%x" stands for one of the alternatives of rule x; "%%" for "%". The first alternative of a rule never leads back to it, so that running out of
 * choices or of depth ends the expansion.
 */
#include "tests/fuzz/imap_grammar.h"

#include <string.h>

#define DEPTH_MAX 24
#define COMMAND_MAX (64u * 1024u)

#define ALTERNATIVES_MAX 64
struct rule {
	char name;
	const char *alternatives[ALTERNATIVES_MAX];
};

static const struct rule rules[] = {
	{ 'C', { "NOOP", "%x%F", "%xSEARCH%r%h %K", "ESEARCH%W%r%h %K", "%xSTORE %S %t%fFLAGS%i %G", "%xFETCH %S %I%M", "SELECT %m%q", "EXAMINE %m%q", "APPEND %m%A", "%xCOPY %S %m", "%xMOVE %S %m", "EXPUNGE", "UID EXPUNGE %S", "%xSORT%r (%o) UTF-8 %K", "%xTHREAD %T UTF-8 %K", "%xREPLACE %n %m%A", "CANCELUPDATE \"%w\"", "NOTIFY NONE", "NOTIFY SET%c%u", "UIDBATCHES %n", "UIDBATCHES 500 %n:%n", "LIST \"\" %p", "LIST%l %m %P%R", "LSUB %m %p", "STATUS %m (%s)", "CREATE %m%U", "DELETE %m", "RENAME %m %m", "SUBSCRIBE %m", "UNSUBSCRIBE %m", "ENABLE%E", "IDLE", "CLOSE", "UNSELECT", "CHECK", "CAPABILITY", "NAMESPACE", "ID NIL", "ID (%\" %\" %\" NIL)", "SETACL %m %J %D", "DELETEACL %m %J", "GETACL %m", "LISTRIGHTS %m %J", "MYRIGHTS %m", "GETQUOTA %m", "GETQUOTA %\"", "GETQUOTAROOT %m", "SETQUOTA %\" (STORAGE %n)", "SETQUOTA \"User quota\" (MESSAGE %n STORAGE %n)", "GETMETADATA%1 %m %2", "GETMETADATA \"\" %2", "SETMETADATA %m (%3)", "SETMETADATA \"\" (%3)", "GENURLAUTH \"%@\" INTERNAL", "GENURLAUTH %@ INTERNAL %@ INTERNAL", "URLFETCH %@", "URLFETCH (%@%!) \"%@\" (%@%!)", "RESETKEY", "RESETKEY %m", "COMPRESS DEFLATE", "UNAUTHENTICATE", "LOGIN u p", "STARTTLS", "AUTHENTICATE PLAIN %a" } },
	/* Signed with a key of zeros, as fuzz_imap.c has it. */
	{ '@', { "imap://u@h/INBOX/;UID=%n;URLAUTH=anonymous", "imap://u@h/INBOX/;UID=%n/;SECTION=1;URLAUTH=user+u@h", "imap://u@h/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL:015d532d76357f29ff361910f6248e47ba349ede95f081c7e8a37c4471907911d5", "imap://u@h/INBOX/;UID=1/;SECTION=1;URLAUTH=authuser:INTERNAL:0165d13e8c8eaee0955bd5523b49273ae1bc963d8b2c79f5b1f6134b2961760207", "imap://u@h/INBOX/;UID=2/;SECTION=1.1;URLAUTH=user+u:INTERNAL:011f1c5020c92ec48157da6931ff45f9fbc8f43d2c26fae558f789e1ed56a4ddc7", "imap://u@h/INBOX/;UID=2/;SECTION=2;URLAUTH=anonymous:INTERNAL:0166764b65b90b65ac9f9ec4e4596238737c4bd1b8884fed1d9d80efd12879a472", "imap://u@h/INBOX/;UID=1/;SECTION=HEADER/;PARTIAL=3.9;URLAUTH=anonymous:INTERNAL:01ad488c65f4178434a987ab6ce533be1f608a62c778f5c2cbbd131e88663661f4", "imap://uu@h/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL:015d47d562b8b0dbd3f211bcebbd91188d5d154c3ee6364d003b51233b07db8096", "/INBOX/;UID=%n", "%@:INTERNAL:00" } },
	{ '!', { " BODY", " BINARY", " BODYPARTSTRUCTURE", " BINARY BODYPARTSTRUCTURE", "%!%!", "" } },
	{ 'J', { "anyone", "o@host", "%\"", "-x", "of@host" } },
	{ 'D', { "lr", "+%D", "-lrswipkxtea", "cd", "\"\"", "lrs", "Q", "%\"" } },
	{ 'x', { "UID ", "" } },
	{ 'F', { "FETCH %S %I%M" } },
	{ 'a', { "AHUAcA==", "=", "%n", "AAAA" } },
	{ 'n', { "1", "2", "3", "4", "0", "5", "7", "10", "100", "4294967295", "4294967296", "18446744073709551615" } },
	{ 'N', { "%n", "*" } },
	{ 'S', { "1:*", "%N", "%N:%N", "%n,%S", "$", "%N:%N,%S", "*:%n" } },
	{ 'w', { "x", "hello", "Subject", "from", "inner", "A", "INBOX", "a b", "", "NIL", "&AOk-", "\xc3\xa9", "\xff", "a\\\"b", "%%", "1" } },
	{ '"', { "\"%w\"", "x", "%L", "\"\"", "\"%w%w\"" } },
	{ 'L', { "{1+}\r\nx", "{0+}\r\n", "{3+}\r\na\"b", "{2+}\r\n\xc3\xa9", "{5+}\r\n\r\n\r\nx" } },
	{ 'm', { "INBOX", "Archive", "a", "a/b", "Drafts", "inbox", "\"b c\"", "%\"", "&AOk-", "\"\xc3\xa9\"", "{5+}\r\nINBOX", "a/b/c", "Nowhere", "Shared/o@host/INBOX", "Shared/o@host/a", "Shared/of@host/%m", "Shared/o@host/%m", "Shared/o@host" } },
	{ 'p', { "*", "%%", "\"%%/%%\"", "a*", "%m", "\"\"", "I%%X" } },
	{ 'P', { "%p", "(%p %p)", "(%p)" } },
	{ 'l', { "", " (SUBSCRIBED)", " (SPECIAL-USE)", " (SUBSCRIBED RECURSIVEMATCH)", " (REMOTE)", " ()", " (RECURSIVEMATCH)" } },
	{ 'R', { "", " RETURN (CHILDREN)", " RETURN (STATUS (%s))", " RETURN (METADATA (/private/a /shared/%w))", " RETURN (SUBSCRIBED SPECIAL-USE STATUS (%s))", " RETURN ()" } },
	{ 's', { "MESSAGES", "%s %s", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "SIZE", "DELETED", "HIGHESTMODSEQ", "MAILBOXID", "APPENDLIMIT", "DELETED-STORAGE", "RECENT" } },
	{ 'U', { "", " (USE (\\Archive))", " (USE (\\Sent \\Trash))", " (USE ())", " (USE (\\X))" } },
	{ 'E', { " CONDSTORE", " QRESYNC", " UTF8=ACCEPT", " UIDONLY", " IMAP4rev2", " X%E" } },
	{ 'q', { "", " (CONDSTORE)", " (QRESYNC (%v %n))", " (QRESYNC (%v %n %S))", " (QRESYNC (%v %n %S (%S %S)))", " (QRESYNC (%v %n (%S %S)))", " (CONDSTORE QRESYNC (%v %n))", " ()" } },
	{ 'v', { "1767225600", "%n" } },
	{ 'h', { "", " CHARSET UTF-8", " CHARSET US-ASCII", " CHARSET %\"" } },
	{ 'r', { "", " RETURN ()", " RETURN (%y)" } },
	{ 'y', { "ALL", "%y %y", "MIN", "MAX", "COUNT", "SAVE", "RELEVANCY", "UPDATE", "CONTEXT", "PARTIAL %n:%n", "PARTIAL -%n:-%n" } },
	{ 'K', { "ALL", "%K %K", "NOT %K", "FUZZY %K", "FUZZY TEXT %\"", "OR %K %K", "(%K)", "SEEN", "UNSEEN", "DELETED", "FLAGGED", "RECENT", "NEW", "OLD", "KEYWORD %k", "UNKEYWORD %k", "SUBJECT %\"", "FROM %\"", "TO %\"", "CC %\"", "BCC %\"", "TEXT %\"", "BODY %\"", "HEADER %\" %\"", "UID %S", "%S", "LARGER %n", "SMALLER %n", "BEFORE %d", "ON %d", "SINCE %d", "SENTBEFORE %d", "SENTON %d", "SENTSINCE %d", "MODSEQ %n", "MODSEQ \"/flags/\\\\Seen\" all %n", "YOUNGER %n", "OLDER %n", "UIDAFTER %n", "UIDBEFORE %n", "SAVEDBEFORE %d", "SAVEDSINCE %d", "SAVEDATESUPPORTED", "EMAILID M1-1", "THREADID T1-1", "EMAILID %\"" } },
	{ 'd', { "1-Jan-2026", "\"31-Dec-2030\"", "29-Feb-2023", "1-Jan-1970", "31-Dec-9999" } },
	{ 'k', { "k", "$Label1", "NonJunk", "x%n" } },
	{ 'o', { "DATE", "%o %o", "REVERSE %o", "ARRIVAL", "CC", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO", "RELEVANCY" } },
	{ 'W', { "", " IN (%V)" } },
	{ 'V', { "personal", "%Y", "%Y %V", "subtree-one %m", "subtree-one (%m %m) mailboxes (%m %m)", "selected personal", "%Y (%w)" } },
	{ 'T', { "REFERENCES", "ORDEREDSUBJECT", "REFS", "X" } },
	{ 't', { "", "(UNCHANGEDSINCE %n) ", "()" } },
	{ 'f', { "+", "-", "" } },
	{ 'i', { "", ".SILENT" } },
	{ 'G', { "(%g)", "()", "%g" } },
	{ 'g', { "\\Seen", "%g %g", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft", "%k", "\\Recent", "\\*" } },
	{ 'I', { "(%j)", "%j", "ALL", "FAST", "FULL" } },
	{ 'j', { "FLAGS", "%j %j", "UID", "MODSEQ", "ENVELOPE", "INTERNALDATE", "RFC822.SIZE", "BODY", "BODYSTRUCTURE", "BODY%e[%z]%Z", "BODY%e[]", "RFC822", "RFC822.HEADER", "RFC822.TEXT", "BINARY%e[%b]%Z", "BINARY.SIZE[%b]", "PREVIEW", "PREVIEW (LAZY)", "EMAILID", "THREADID", "SAVEDATE" } },
	{ 'e', { ".PEEK", "" } },
	{ 'b', { "", "1", "1.1", "2", "%n" } },
	{ 'z', { "HEADER", "", "TEXT", "1", "1.1", "2", "%n.%z", "1.MIME", "2.HEADER", "HEADER.FIELDS (%H)", "HEADER.FIELDS.NOT (%H)", "MIME" } },
	{ 'H', { "Subject", "From", "%H %H", "%\"" } },
	{ 'Z', { "", "<0.1>", "<%n.%n>", "<0.100000>" } },
	{ 'M', { "", " (CHANGEDSINCE %n)", " (CHANGEDSINCE %n VANISHED)", " (PARTIAL %n:%n)", " (PARTIAL -%n:-%n)", " ()" } },
	{ 'A', { "%O %Q", "%O %Q%A", "%O CATENATE (%X)", "%O UTF8 (~%Q)", "%O ~%Q" } },
	{ 'O', { "", " (%g)", " \"17-Jul-1996 02:44:25 -0700\"", " (%g) \" 1-Jan-2030 00:00:00 +0000\"", " ()", " \"99-Foo-0000 00:00:00 +0000\"" } },
	{ 'Q', { "{23+}\r\nSubject: hello\r\n\r\nx\r\n\r\n", "{0+}\r\n", "{4+}\r\nA: b", "{9+}\r\nA: b\r\n\r\nc", "{147+}\r\nSubject: =?utf-8?q?=C3=A9?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>\r\n--b--", "{114+}\r\nMessage-ID: <1@x>\r\nReferences: <0@x> <1@x> <2@x>\r\nIn-Reply-To: <0@x>\r\nSubject: Re: hello\r\nFrom: A <a@b>\r\n\r\nhello\r\n", "{97+}\r\nContent-Type: message/rfc822\r\nFrom: a@b, \"c\" <d@e>\r\n\r\nSubject: inner\r\nTo: g: a@b, c@d;\r\n\r\ninner\r\n" } },
	{ 'c', { "", " STATUS" } },
	{ 'u', { " (%Y %B)", " (%Y %B)%u" } },
	{ 'Y', { "PERSONAL", "SELECTED", "SELECTED-DELAYED", "INBOXES", "SUBSCRIBED", "SUBTREE %m", "MAILBOXES (%m %m)", "MAILBOXES %m", "SUBTREE (%m)" } },
	{ 'B', { "(MessageNew MessageExpunge)", "(MessageNew (%j) MessageExpunge FlagChange)", "(MessageNew)", "(MailboxName SubscriptionChange MessageNew FlagChange)", "NONE", "(MailboxName)", "(ServerMetadataChange)", "(MailboxMetadataChange MessageNew)", "(%w)" } },
	{ '1', { "", " (DEPTH 1)", " (DEPTH infinity MAXSIZE %n)", " (MAXSIZE %n)" } },
	{ '2', { "/private", "/shared/comment", "(/private/%w %2)", "/private/a/b", "\"/shared/%w\"", "%\"" } },
	{ '3', { "/private/%w %\"", "/private/a NIL %3", "/shared/comment ~{3+}\r\nabc", "/private/a/b {2+}\r\n\r\n %3", "/shared/%w \"x\" %3" } },
	{ 'X', { "TEXT %Q", "%X %X", "URL \"/INBOX/;UID=1\"", "URL \";UID=%n/;SECTION=%z\"", "URL \"/INBOX;UIDVALIDITY=1767225600/;UID=1/;SECTION=TEXT/;PARTIAL=%n.%n\"", "URL %\"", "URL \"%@\"", "TEXT {0+}\r\n" } },
};

unsigned choose(struct choices *c, unsigned count)
{
	return c->at < c->end ? *c->at++ % count : 0;
}

static const struct rule *find(char name)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].name == name)
			return &rules[i];
	return NULL;
}

static void expand(struct choices *c, const char *text, unsigned depth, struct buf *out)
{
	for (; *text; text++) {
		const struct rule *rule = *text == '%' ? find(*++text) : NULL;
		unsigned count = 0;

		if (!rule) {
			buf_add_char(out, *text);
			continue;
		}
		while (count < ALTERNATIVES_MAX && rule->alternatives[count])
			count++;
		expand(c, rule->alternatives[depth < DEPTH_MAX ? choose(c, count) : 0], depth + 1, out);
	}
}

/* A stroke in the wrong place; lengths of literals and line ends included. */
static void slip(struct choices *c, struct buf *out)
{
	unsigned at = choose(c, 256) << 8 | choose(c, 256);

	if (out->len)
		out->ptr[at % out->len] = (char)choose(c, 256);
}

void imap_grammar_command(struct choices *c, struct buf *out)
{
	buf_init(out, COMMAND_MAX);
	expand(c, "%C", 0, out);
	if (choose(c, 32) == 31)
		slip(c, out);
	buf_add_str(out, "\r\n");
}
