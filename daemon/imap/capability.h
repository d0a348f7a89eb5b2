/* imap/capability.h: what this server can do, as CAPABILITY and ENABLE name it. What can be switched off for an account is a bit. */
#ifndef POSTROOM_IMAP_CAPABILITY_H
#define POSTROOM_IMAP_CAPABILITY_H

#include "daemon/base/buf.h"

enum imap_capability {
	CAP_NONE, /* of a command: the protocol's own */
	CAP_IMAP4REV2,
	CAP_LITERAL_PLUS,
	CAP_SASL_IR,
	CAP_ID,
	CAP_ENABLE,
	CAP_IDLE,
	CAP_NAMESPACE,
	CAP_CHILDREN,
	CAP_SPECIAL_USE,
	CAP_CREATE_SPECIAL_USE,
	CAP_LIST_EXTENDED,
	CAP_LIST_STATUS,
	CAP_STATUS_SIZE,
	CAP_UNSELECT,
	CAP_UIDPLUS,
	CAP_MOVE,
	CAP_MULTIAPPEND,
	CAP_CATENATE,
	CAP_REPLACE,
	CAP_APPENDLIMIT,
	CAP_BINARY,
	CAP_COMPRESS,
	CAP_CONDSTORE,
	CAP_QRESYNC,
	CAP_ESEARCH,
	CAP_SEARCHRES,
	CAP_WITHIN,
	CAP_SEARCH_FUZZY,
	CAP_MULTISEARCH,
	CAP_SORT,
	CAP_SORT_DISPLAY,
	CAP_ESORT,
	CAP_THREAD_ORDEREDSUBJECT,
	CAP_THREAD_REFERENCES,
	CAP_THREAD_REFS,
	CAP_PARTIAL,
	CAP_CONTEXT_SEARCH,
	CAP_CONTEXT_SORT,
	CAP_UIDBATCHES,
	CAP_INPROGRESS,
	CAP_NOTIFY,
	CAP_I18NLEVEL,
	CAP_OBJECTID,
	CAP_PREVIEW,
	CAP_SAVEDATE,
	CAP_UTF8_ACCEPT,
	CAP_UIDONLY,
	CAP_MESSAGELIMIT,
	CAP_UNAUTHENTICATE,
	CAP_QUOTA,
	CAP_ACL,
	CAP_LIST_MYRIGHTS,
	CAP_METADATA,
	CAP_LIST_METADATA,
	CAP_URLAUTH,
	CAP_URLAUTH_BINARY,
	CAP_COUNT,
};
_Static_assert(CAP_COUNT <= 64, "they are bits of a mask");

#define CAP_BIT(cap) ((uint64_t)1 << (cap))

/* As it is written in CAPABILITY, with its value ("MESSAGELIMIT=100000"); several names for one switch stand with a blank between ("QUOTA QUOTA=RES-STORAGE"). */
struct span imap_capability_text(enum imap_capability cap);

/* With what rests upon what is off: QRESYNC upon CONDSTORE, IMAP4rev2 upon each extension that it has built in (RFC 9051 appendix E). */
uint64_t imap_capability_closure(uint64_t off);

/* Names with blanks between, any case, as an account keeps them. ERR_SYNTAX: one of them can't be switched off or is unknown; *bad_out says which.
 * Names that belong to one switch (QUOTA=RES-STORAGE) and names without their value (MESSAGELIMIT) stand for it. */
enum err imap_capability_parse(struct span names, uint64_t *mask_out, struct span *bad_out) MUST_CHECK;

/* The reverse, in the order of the enum and without values: what is kept and shown. */
void imap_capability_write(uint64_t mask, struct buf *out);

#endif
