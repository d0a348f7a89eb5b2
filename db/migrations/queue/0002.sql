-- What RFC 3461, 8689, 4865, 6710 and 2852 say of a message, holds, and how the queue is steered. Everything here adds: release 0001 reads and runs on it.
-- Times are unix milliseconds, 0: none.

-- envid: ENVID as it was given (xtext). ret: 0 not said, 1 FULL, 2 HDRS. priority: MT-PRIORITY, -9 to 9. release_ms: not before (FUTURERELEASE).
-- deliver_by_ms: BY; deliver_by: bits 1 return (R), 2 notify (N), 4 trace (T). peer: where it came from, for DSNs and lists.
ALTER TABLE message ADD COLUMN envid TEXT NOT NULL DEFAULT '';
ALTER TABLE message ADD COLUMN ret INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN release_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN deliver_by_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN deliver_by INTEGER NOT NULL DEFAULT 0;

-- notify: bits 1 NEVER, 2 SUCCESS, 4 FAILURE, 8 DELAY; 0 not said. orcpt: as it was given (xtext or utf-8-addr).
-- hold: enum queue_hold. told_ms: when the sender was told of a delay. route: "host:port" that an operator chose.
-- reverse_path: of a forwarded copy (SRS); null: the message's.
ALTER TABLE recipient ADD COLUMN notify INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recipient ADD COLUMN orcpt TEXT;
ALTER TABLE recipient ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recipient ADD COLUMN told_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recipient ADD COLUMN status TEXT NOT NULL DEFAULT '';
ALTER TABLE recipient ADD COLUMN route TEXT;
ALTER TABLE recipient ADD COLUMN reverse_path TEXT;

-- What matches is held when it is accepted. Patterns: an address, "@domain", or empty for all. expires_ms 0: never.
CREATE TABLE hold_rule (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	sender TEXT NOT NULL,
	recipient TEXT NOT NULL,
	note TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	matched INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Next hops to which nothing is sent meanwhile. until_ms 0: until somebody ends it.
CREATE TABLE pause (
	destination TEXT PRIMARY KEY,
	reason TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Addresses that failed for good lately: not tried again until then. source: 0 a failure, 1 an operator.
CREATE TABLE suppression (
	address TEXT PRIMARY KEY,
	source INTEGER NOT NULL CHECK (source IN (0, 1)),
	status TEXT NOT NULL,
	reply TEXT NOT NULL,
	failures INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX suppression_expires ON suppression (expires_ms) WHERE expires_ms > 0;

-- Reverse-paths of forwarded mail that do not fit into a rewritten one; token: as it stands there.
CREATE TABLE srs_path (
	token TEXT PRIMARY KEY,
	address TEXT NOT NULL,
	expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX srs_path_expires ON srs_path (expires_ms);

-- What accounts sent outside: recipients in each hour (unix time / 3600), of them written to for the first time, and what came of them.
CREATE TABLE sent_hour (
	account_id INTEGER NOT NULL,
	hour INTEGER NOT NULL,
	recipients INTEGER NOT NULL,
	first_time INTEGER NOT NULL,
	failed INTEGER NOT NULL,
	PRIMARY KEY (account_id, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX sent_hour_by_hour ON sent_hour (hour);
-- Whom an account has written to; key: hash of the address.
CREATE TABLE known_recipient (
	account_id INTEGER NOT NULL,
	key INTEGER NOT NULL,
	last_hour INTEGER NOT NULL,
	PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_recipient_last ON known_recipient (last_hour);
-- Accounts whose sending was stopped. reason: a word of enum breaker_reason.
CREATE TABLE breaker (
	account_id INTEGER PRIMARY KEY,
	reason TEXT NOT NULL,
	detail TEXT NOT NULL,
	since_ms INTEGER NOT NULL
) STRICT;
