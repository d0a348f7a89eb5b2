-- Domains, accounts, aliases, relays, certificates, settings.
-- Names have two forms: what people read (address, target) and what is compared (key: see daemon/directory/name.h).

CREATE TABLE setting (
	name TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE domain (
	name TEXT PRIMARY KEY,
	created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Ids are never used again: they name folders.
CREATE TABLE account (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	key TEXT NOT NULL UNIQUE,
	address TEXT NOT NULL,
	domain TEXT NOT NULL REFERENCES domain (name),
	password_hash TEXT NOT NULL,
	role INTEGER NOT NULL CHECK (role IN (0, 1)),
	suspended INTEGER NOT NULL CHECK (suspended IN (0, 1)),
	created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX account_domain ON account (domain);

CREATE TABLE alias (
	key TEXT PRIMARY KEY,
	address TEXT NOT NULL,
	domain TEXT NOT NULL REFERENCES domain (name),
	created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_domain ON alias (domain);

-- base_key: the key without its subaddress.
CREATE TABLE alias_target (
	alias TEXT NOT NULL REFERENCES alias (key) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	target TEXT NOT NULL,
	key TEXT NOT NULL,
	base_key TEXT NOT NULL,
	PRIMARY KEY (alias, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_target_base_key ON alias_target (base_key);
CREATE INDEX alias_target_key ON alias_target (key);

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
