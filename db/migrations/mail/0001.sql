-- mail.db: the mail of one account.
--
-- `message` is thin: a row is a place (mailbox, uid) with its flags. What the place shows is a content: `meta` has what lists and
-- FETCH ENVELOPE want, `content` its bytes. The two are apart so that listing 10,000 messages reads no header and no body.
-- Content ids come from account.content and are never used again; a content goes with the last message row that names it.

CREATE TABLE account (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	modseq INTEGER NOT NULL,
	content INTEGER NOT NULL,
	uidvalidity INTEGER NOT NULL
) STRICT;

CREATE TABLE mailbox (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE,
	special_use INTEGER NOT NULL,
	uidvalidity INTEGER NOT NULL UNIQUE,
	uidnext INTEGER NOT NULL DEFAULT 1,
	modseq INTEGER NOT NULL,
	messages INTEGER NOT NULL DEFAULT 0 CHECK (messages >= 0),
	unseen INTEGER NOT NULL DEFAULT 0 CHECK (unseen >= 0),
	deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted >= 0),
	size INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
	expunged_rows INTEGER NOT NULL DEFAULT 0,
	expunged_floor INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE meta (
	id INTEGER PRIMARY KEY,
	internal_ms INTEGER NOT NULL,
	internal_offset INTEGER NOT NULL,
	sent_ms INTEGER NOT NULL,
	size INTEGER NOT NULL,
	body_size INTEGER NOT NULL,
	file TEXT,
	envelope BLOB NOT NULL,
	body_structure BLOB NOT NULL,
	body_text_structure BLOB NOT NULL,
	parts BLOB NOT NULL,
	subject BLOB NOT NULL,
	message_id BLOB NOT NULL
) STRICT;
CREATE INDEX meta_file ON meta (file) WHERE file IS NOT NULL;

-- body stands last: reading the head of a message does not touch the pages of its body. Null: it is the file that meta names.
CREATE TABLE content (
	id INTEGER PRIMARY KEY REFERENCES meta (id),
	prefix BLOB NOT NULL,
	head BLOB NOT NULL,
	body BLOB
) STRICT;

CREATE TABLE message (
	mailbox INTEGER NOT NULL REFERENCES mailbox (id),
	uid INTEGER NOT NULL,
	flags INTEGER NOT NULL,
	modseq INTEGER NOT NULL,
	content INTEGER NOT NULL REFERENCES meta (id),
	PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_content ON message (content);

CREATE TABLE expunged (
	mailbox INTEGER NOT NULL REFERENCES mailbox (id),
	modseq INTEGER NOT NULL,
	first_uid INTEGER NOT NULL,
	last_uid INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	PRIMARY KEY (mailbox, modseq, first_uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
	queue_id BLOB NOT NULL PRIMARY KEY,
	at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE subscription (
	name TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE keyword (
	bit INTEGER PRIMARY KEY CHECK (bit BETWEEN 0 AND 57),
	name TEXT NOT NULL UNIQUE COLLATE NOCASE
) STRICT;
