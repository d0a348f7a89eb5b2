-- Routing and whom an account may send as. Everything here adds: release 0002 reads and runs on it.

-- state: 0 active; 1 disabled, mail is still delivered; 2 disabled, mail is held in the queue; 3 disabled, mail is refused.
-- alias_of: mail to x@name is mail to x@alias_of; such a domain has no users and no aliases. source_ipv4, source_ipv6: from where its mail leaves.
ALTER TABLE domain ADD COLUMN state INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2, 3));
ALTER TABLE domain ADD COLUMN alias_of TEXT REFERENCES domain (name);
ALTER TABLE domain ADD COLUMN source_ipv4 TEXT NOT NULL DEFAULT '';
ALTER TABLE domain ADD COLUMN source_ipv6 TEXT NOT NULL DEFAULT '';
CREATE INDEX domain_alias_of ON domain (alias_of) WHERE alias_of IS NOT NULL;

-- Limits of an account that differ from the settings: recipients outside an hour, a day, and written to for the first time in a day. -1: as the settings say.
ALTER TABLE account ADD COLUMN send_hour INTEGER NOT NULL DEFAULT -1;
ALTER TABLE account ADD COLUMN send_day INTEGER NOT NULL DEFAULT -1;
ALTER TABLE account ADD COLUMN send_new INTEGER NOT NULL DEFAULT -1;
-- How much its mailboxes may hold until mail to it is refused. 0: no limit; -1: as the settings say.
ALTER TABLE account ADD COLUMN quota_bytes INTEGER NOT NULL DEFAULT -1;
ALTER TABLE account ADD COLUMN quota_messages INTEGER NOT NULL DEFAULT -1;
-- 1: a copy stays here when mail is forwarded.
ALTER TABLE account ADD COLUMN forward_keep INTEGER NOT NULL DEFAULT 1 CHECK (forward_keep IN (0, 1));

-- base_key: the key without its subaddress.
CREATE TABLE forward (
	account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	target TEXT NOT NULL,
	key TEXT NOT NULL,
	base_key TEXT NOT NULL,
	PRIMARY KEY (account_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX forward_base_key ON forward (base_key);
CREATE INDEX forward_key ON forward (key);

-- Addresses, or whole domains ("@example.org"), that an account may send as beside its own addresses and aliases.
CREATE TABLE identity (
	account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
	key TEXT NOT NULL,
	address TEXT NOT NULL,
	PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;

-- relay.tls had three values in a CHECK; 3 (encrypted, whoever it is) stands here. 0: relay.tls holds.
ALTER TABLE relay ADD COLUMN tls_wish INTEGER NOT NULL DEFAULT 0 CHECK (tls_wish IN (0, 3));

-- What TLS a destination must have, over DANE, MTA-STS and chance: mode is enum tls_rule_mode. names: host names, blank between, that its
-- certificate may have instead of the MX's.
CREATE TABLE tls_rule (
	domain TEXT PRIMARY KEY,
	mode INTEGER NOT NULL CHECK (mode IN (0, 1, 2, 3)),
	names TEXT NOT NULL,
	created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
