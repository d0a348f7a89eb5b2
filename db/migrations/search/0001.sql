-- search.db: the words of one account's messages, derived from mail.db; when it is lost or damaged it is made anew.
--
-- A text is a content's header or body: doc = 2 * content + (1: body). Terms are numbered from 1 in the order in which they were met; term 0 marks a text
-- that is not in here whole. Lists of numbers are differences in seven bits a byte, the lowest first.

-- origin: of which mail.db, by which version of its texts. epoch: other numbers of terms than before. indexed: every content up to this id is in here; contents: how many those were.
-- fresh, posted: numbers of (term, text) pairs in the tables of that name. moves: how often fresh became posted.
CREATE TABLE state (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	origin INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	indexed INTEGER NOT NULL,
	contents INTEGER NOT NULL,
	terms INTEGER NOT NULL,
	vocabulary_bytes INTEGER NOT NULL,
	fresh INTEGER NOT NULL,
	posted INTEGER NOT NULL,
	moves INTEGER NOT NULL
) STRICT;

-- key: the term, or the SHA-256 of one of 32 bytes and more.
CREATE TABLE term (
	key BLOB NOT NULL PRIMARY KEY,
	id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Terms `first`, first + 1 ..., a NUL behind each: what holds a piece of a word is found by reading through all of them.
CREATE TABLE vocabulary (
	first INTEGER PRIMARY KEY,
	words BLOB NOT NULL
) STRICT;

-- Texts as they come: the terms of each.
CREATE TABLE fresh (
	doc INTEGER PRIMARY KEY,
	terms BLOB NOT NULL
) STRICT;

-- Turned round, many texts at a time: `base` and, as differences, the further texts that have the term.
CREATE TABLE posting (
	term INTEGER NOT NULL,
	base INTEGER NOT NULL,
	docs BLOB NOT NULL,
	PRIMARY KEY (term, base)
) STRICT, WITHOUT ROWID;
