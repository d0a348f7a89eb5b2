-- Domains, accounts, addresses, aliases, relays, certificates, settings. Names are stored normal (see directory/directory.h).

CREATE TABLE setting (
	name TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE domain (
	name TEXT PRIMARY KEY,
	created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a name, whatever it stands for: an account's primary address or an alias. Ids are never used again.
CREATE TABLE account (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	address TEXT NOT NULL UNIQUE,
	domain TEXT NOT NULL REFERENCES domain (name),
	password_hash TEXT NOT NULL,
	role INTEGER NOT NULL CHECK (role IN (0, 1)),
	suspended INTEGER NOT NULL DEFAULT 0 CHECK (suspended IN (0, 1)),
	created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX account_domain ON account (domain);

CREATE TABLE alias (
	address TEXT PRIMARY KEY,
	domain TEXT NOT NULL REFERENCES domain (name)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_domain ON alias (domain);

CREATE TABLE alias_target (
	alias TEXT NOT NULL REFERENCES alias (address) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	target TEXT NOT NULL,
	PRIMARY KEY (alias, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_target_target ON alias_target (target);

CREATE TABLE relay (
	domain TEXT PRIMARY KEY,
	host TEXT NOT NULL,
	port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
	tls INTEGER NOT NULL CHECK (tls IN (0, 1, 2)),
	user TEXT NOT NULL,
	password_sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate (
	name TEXT PRIMARY KEY,
	chain_pem TEXT NOT NULL,
	key_sealed BLOB NOT NULL,
	updated_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
