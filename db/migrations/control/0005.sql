-- Groups: accounts of nobody, grants on mailboxes, protocols that are switched off. Everything here adds: earlier releases read and run on it.

-- kind 1: shared, a mailbox account that nobody logs in to. protocols_off: bits of auth's protocols, as app_password has them.
ALTER TABLE account ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN protocols_off INTEGER NOT NULL DEFAULT 0;

-- RFC 4314. mailbox: its id in the owner's mail.db; 0: all mailboxes that have no row of their own for this grantee. grantee 0: "anyone", whoever has an
-- account in the owner's domain. rights: bits of directory/grants.h; 0 takes back what the row of all mailboxes gives.
CREATE TABLE mailbox_grant (
	owner INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
	mailbox INTEGER NOT NULL,
	grantee INTEGER NOT NULL,
	rights INTEGER NOT NULL,
	PRIMARY KEY (owner, mailbox, grantee)
) STRICT, WITHOUT ROWID;
CREATE INDEX mailbox_grant_grantee ON mailbox_grant (grantee);

-- What the last consistency check of an account found. findings: JSON, as the API shows them; faults without garbage. is_whole 0: it was interrupted.
CREATE TABLE account_check (
	account INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
	at_ms INTEGER NOT NULL,
	took_ms INTEGER NOT NULL,
	is_whole INTEGER NOT NULL,
	repairs INTEGER NOT NULL,
	messages INTEGER NOT NULL,
	faults INTEGER NOT NULL,
	repaired INTEGER NOT NULL,
	findings TEXT NOT NULL
) STRICT;
