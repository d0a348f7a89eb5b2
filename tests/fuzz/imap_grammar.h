/* fuzz/imap_grammar.h: plausible IMAP commands from a stream of choices, so that a fuzzer gets past the parser. */
#ifndef POSTROOM_TESTS_FUZZ_IMAP_GRAMMAR_H
#define POSTROOM_TESTS_FUZZ_IMAP_GRAMMAR_H

#include "daemon/base/buf.h"

/* Each byte is a choice; when none is left, the first alternative is taken. */
struct choices {
	const uint8_t *at, *end;
};
unsigned choose(struct choices *c, unsigned count);

/* One command behind its tag, CRLF included; literals are non-synchronizing. Sometimes a byte of it is not what it should be. */
void imap_grammar_command(struct choices *c, struct buf *out);

#endif
