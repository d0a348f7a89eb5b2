/* imap/capability.c: one table of names. */
#include "daemon/imap/capability.h"

#include "daemon/imap/limits.h"

#define TEXT_OF_(number) #number
#define TEXT_OF(number) TEXT_OF_(number)

static const struct span texts[CAP_COUNT] = {
	[CAP_NONE] = SPAN(""),
	[CAP_IMAP4REV2] = SPAN("IMAP4rev2"),
	[CAP_LITERAL_PLUS] = SPAN("LITERAL+"),
	[CAP_SASL_IR] = SPAN("SASL-IR"),
	[CAP_ID] = SPAN("ID"),
	[CAP_ENABLE] = SPAN("ENABLE"),
	[CAP_IDLE] = SPAN("IDLE"),
	[CAP_NAMESPACE] = SPAN("NAMESPACE"),
	[CAP_CHILDREN] = SPAN("CHILDREN"),
	[CAP_SPECIAL_USE] = SPAN("SPECIAL-USE"),
	[CAP_CREATE_SPECIAL_USE] = SPAN("CREATE-SPECIAL-USE"),
	[CAP_LIST_EXTENDED] = SPAN("LIST-EXTENDED"),
	[CAP_LIST_STATUS] = SPAN("LIST-STATUS"),
	[CAP_STATUS_SIZE] = SPAN("STATUS=SIZE"),
	[CAP_UNSELECT] = SPAN("UNSELECT"),
	[CAP_UIDPLUS] = SPAN("UIDPLUS"),
	[CAP_MOVE] = SPAN("MOVE"),
	[CAP_MULTIAPPEND] = SPAN("MULTIAPPEND"),
	[CAP_CATENATE] = SPAN("CATENATE"),
	[CAP_REPLACE] = SPAN("REPLACE"),
	[CAP_APPENDLIMIT] = SPAN("APPENDLIMIT=" TEXT_OF(IMAP_MESSAGE_MAX)),
	[CAP_BINARY] = SPAN("BINARY"),
	[CAP_COMPRESS] = SPAN("COMPRESS=DEFLATE"),
	[CAP_CONDSTORE] = SPAN("CONDSTORE"),
	[CAP_QRESYNC] = SPAN("QRESYNC"),
	[CAP_ESEARCH] = SPAN("ESEARCH"),
	[CAP_SEARCHRES] = SPAN("SEARCHRES"),
	[CAP_WITHIN] = SPAN("WITHIN"),
	[CAP_SEARCH_FUZZY] = SPAN("SEARCH=FUZZY"),
	[CAP_MULTISEARCH] = SPAN("MULTISEARCH"),
	[CAP_SORT] = SPAN("SORT"),
	[CAP_SORT_DISPLAY] = SPAN("SORT=DISPLAY"),
	[CAP_ESORT] = SPAN("ESORT"),
	[CAP_THREAD_ORDEREDSUBJECT] = SPAN("THREAD=ORDEREDSUBJECT"),
	[CAP_THREAD_REFERENCES] = SPAN("THREAD=REFERENCES"),
	[CAP_THREAD_REFS] = SPAN("THREAD=REFS"),
	[CAP_PARTIAL] = SPAN("PARTIAL"),
	[CAP_CONTEXT_SEARCH] = SPAN("CONTEXT=SEARCH"),
	[CAP_CONTEXT_SORT] = SPAN("CONTEXT=SORT"),
	[CAP_UIDBATCHES] = SPAN("UIDBATCHES"),
	[CAP_INPROGRESS] = SPAN("INPROGRESS"),
	[CAP_NOTIFY] = SPAN("NOTIFY"),
	[CAP_I18NLEVEL] = SPAN("I18NLEVEL=1"),
	[CAP_OBJECTID] = SPAN("OBJECTID"),
	[CAP_PREVIEW] = SPAN("PREVIEW"),
	[CAP_SAVEDATE] = SPAN("SAVEDATE"),
	[CAP_UTF8_ACCEPT] = SPAN("UTF8=ACCEPT"),
	[CAP_UIDONLY] = SPAN("UIDONLY"),
	[CAP_MESSAGELIMIT] = SPAN("MESSAGELIMIT=" TEXT_OF(IMAP_MESSAGELIMIT)),
	[CAP_UNAUTHENTICATE] = SPAN("UNAUTHENTICATE"),
	[CAP_QUOTA] = SPAN("QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE QUOTASET"),
	[CAP_ACL] = SPAN("ACL RIGHTS=kxte"),
	[CAP_LIST_MYRIGHTS] = SPAN("LIST-MYRIGHTS"),
	[CAP_METADATA] = SPAN("METADATA METADATA-SERVER"),
	[CAP_LIST_METADATA] = SPAN("LIST-METADATA"),
	[CAP_URLAUTH] = SPAN("URLAUTH"),
	[CAP_URLAUTH_BINARY] = SPAN("URLAUTH=BINARY"),
};

struct span imap_capability_text(enum imap_capability cap)
{
	return texts[cap];
}

/* Who rests upon whom; what comes later in the list may rest upon what comes before. */
static const struct {
	enum imap_capability cap, needs;
} rests[] = {
	{ CAP_CREATE_SPECIAL_USE, CAP_SPECIAL_USE },
	{ CAP_LIST_STATUS, CAP_LIST_EXTENDED },
	{ CAP_LIST_METADATA, CAP_METADATA },
	{ CAP_LIST_METADATA, CAP_LIST_EXTENDED },
	{ CAP_LIST_MYRIGHTS, CAP_ACL },
	{ CAP_LIST_MYRIGHTS, CAP_LIST_EXTENDED },
	{ CAP_QRESYNC, CAP_CONDSTORE },
	{ CAP_QRESYNC, CAP_ENABLE },
	{ CAP_UTF8_ACCEPT, CAP_ENABLE },
	{ CAP_UIDONLY, CAP_ENABLE },
	{ CAP_SEARCHRES, CAP_ESEARCH },
	{ CAP_PARTIAL, CAP_ESEARCH },
	{ CAP_MULTISEARCH, CAP_ESEARCH },
	{ CAP_SORT_DISPLAY, CAP_SORT },
	{ CAP_ESORT, CAP_SORT },
	{ CAP_ESORT, CAP_ESEARCH },
	{ CAP_CONTEXT_SEARCH, CAP_PARTIAL }, /* RFC 5267 4.4 has it built in */
	{ CAP_CONTEXT_SORT, CAP_PARTIAL },
	{ CAP_CONTEXT_SORT, CAP_ESORT },
	{ CAP_URLAUTH_BINARY, CAP_URLAUTH },
	{ CAP_IMAP4REV2, CAP_SASL_IR },
	{ CAP_IMAP4REV2, CAP_ENABLE },
	{ CAP_IMAP4REV2, CAP_IDLE },
	{ CAP_IMAP4REV2, CAP_NAMESPACE },
	{ CAP_IMAP4REV2, CAP_CHILDREN },
	{ CAP_IMAP4REV2, CAP_SPECIAL_USE },
	{ CAP_IMAP4REV2, CAP_LIST_EXTENDED },
	{ CAP_IMAP4REV2, CAP_LIST_STATUS },
	{ CAP_IMAP4REV2, CAP_STATUS_SIZE },
	{ CAP_IMAP4REV2, CAP_UNSELECT },
	{ CAP_IMAP4REV2, CAP_UIDPLUS },
	{ CAP_IMAP4REV2, CAP_MOVE },
	{ CAP_IMAP4REV2, CAP_BINARY },
	{ CAP_IMAP4REV2, CAP_ESEARCH },
	{ CAP_IMAP4REV2, CAP_SEARCHRES },
};

uint64_t imap_capability_closure(uint64_t off)
{
	for (size_t i = 0; i < sizeof rests / sizeof *rests; i++)
		if (off & CAP_BIT(rests[i].needs))
			off |= CAP_BIT(rests[i].cap);
	return off;
}

/* The next name of a list with blanks between; false at its end. */
static bool next_name(struct span *rest, struct span *out)
{
	size_t n = 0;

	while (rest->len && rest->ptr[0] == ' ')
		*rest = span_skip(*rest, 1);
	while (n < rest->len && rest->ptr[n] != ' ')
		n++;
	*out = span_take(*rest, n);
	*rest = span_skip(*rest, n);
	return n;
}

/* "MESSAGELIMIT" is "MESSAGELIMIT=100000": what stands behind the sign of a limit is a value, of the others a part of the name. */
static bool is_name_of(struct span name, struct span full)
{
	if (span_iequals(name, full))
		return true;
	return name.len < full.len && full.ptr[name.len] == '=' && span_istarts(full, name) && ascii_is_digit(full.ptr[name.len + 1]);
}

static enum imap_capability find(struct span name)
{
	for (unsigned cap = CAP_NONE + 1; cap < CAP_COUNT; cap++) {
		struct span rest = texts[cap], full;

		while (next_name(&rest, &full))
			if (is_name_of(name, full))
				return (enum imap_capability)cap;
	}
	return CAP_NONE;
}

enum err imap_capability_parse(struct span names, uint64_t *mask_out, struct span *bad_out)
{
	struct span name;

	*mask_out = 0;
	*bad_out = SPAN("");
	while (next_name(&names, &name)) {
		enum imap_capability cap = find(name);

		if (cap == CAP_NONE) {
			*bad_out = name;
			return ERR_SYNTAX;
		}
		*mask_out |= CAP_BIT(cap);
	}
	return ERR_OK;
}

/* A limit may be another one in the next release. */
static struct span without_value(struct span name)
{
	size_t at;

	return span_find_char(name, '=', &at) && at + 1 < name.len && ascii_is_digit(name.ptr[at + 1]) ? span_take(name, at) : name;
}

void imap_capability_write(uint64_t mask, struct buf *out)
{
	for (unsigned cap = CAP_NONE + 1; cap < CAP_COUNT; cap++) {
		struct span rest = texts[cap], name;

		if (!(mask & CAP_BIT(cap)) || !next_name(&rest, &name))
			continue;
		if (out->len)
			buf_add_char(out, ' ');
		buf_add(out, without_value(name));
	}
}
