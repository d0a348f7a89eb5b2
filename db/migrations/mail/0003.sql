-- What several people in one account's mailboxes ask for, and POP3. Everything here adds: releases 0001 and 0002 read and run on it.

-- What \Seen is for whom else reads a mailbox (RFC 4314: grants stand in control.db): a row once such a reader has changed it. No row: unseen.
-- modseq: the account's, as a change of flags takes it, but only this reader is told. Rows go with their message.
CREATE TABLE seen (
	mailbox INTEGER NOT NULL,
	reader INTEGER NOT NULL,
	uid INTEGER NOT NULL,
	is_seen INTEGER NOT NULL CHECK (is_seen IN (0, 1)),
	modseq INTEGER NOT NULL,
	PRIMARY KEY (mailbox, reader, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_message ON seen (mailbox, uid);

-- RFC 5464. mailbox 0: of the account ("" in SETMETADATA). reader 0: /shared; else the account whose /private it is. entry: without that first
-- part, in lower case ("/comment").
CREATE TABLE annotation (
	mailbox INTEGER NOT NULL,
	reader INTEGER NOT NULL,
	entry TEXT NOT NULL,
	value BLOB NOT NULL,
	PRIMARY KEY (mailbox, reader, entry)
) STRICT, WITHOUT ROWID;

-- From which the UIDLs of a mailbox's messages are made (RFC 1939 7); null until the first POP3 login.
ALTER TABLE mailbox ADD COLUMN pop_key BLOB;
