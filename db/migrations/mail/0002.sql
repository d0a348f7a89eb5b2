-- What IMAP's later extensions ask for. Everything here adds: release 0001 reads and runs on it.

-- When the message came into this mailbox (RFC 8514). 0: before this was kept.
ALTER TABLE message ADD COLUMN saved_ms INTEGER NOT NULL DEFAULT 0;

-- preview: RFC 8970. refs: the message-ids that THREAD and thread ids go by (mime/parts.h). Null: filed before these were kept; read from the message when asked for.
-- thread: content id of the first message of its thread here (RFC 8474 THREADID); 0: its own.
ALTER TABLE meta ADD COLUMN preview BLOB;
ALTER TABLE meta ADD COLUMN refs BLOB;
ALTER TABLE meta ADD COLUMN thread INTEGER NOT NULL DEFAULT 0;

-- What SEARCH, SORT and clients that look for news read of all messages of a mailbox: a page holds tens of these, but four of the rows.
CREATE INDEX meta_listed ON meta (id, internal_ms, internal_offset, size, sent_ms, thread, subject);

-- Hashes of the message-ids that a content has or names, while the content is there: who shares one is of one thread.
-- No foreign key to meta: without an index by content, which nothing else wants, each delete there would read all of this.
CREATE TABLE thread_key (
	key INTEGER NOT NULL,
	content INTEGER NOT NULL,
	thread INTEGER NOT NULL,
	PRIMARY KEY (key, content)
) STRICT, WITHOUT ROWID;

-- Keys of URLs that give others a look into a mailbox (RFC 4467): made when the first such URL is, gone with all of them. No foreign key: release 0001
-- deletes mailboxes without knowing of these, and ids of mailboxes are never used again.
CREATE TABLE url_key (
	mailbox INTEGER PRIMARY KEY,
	key BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;
