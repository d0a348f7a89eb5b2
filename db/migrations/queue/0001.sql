-- What was accepted and is not yet finished. Bodies stand apart, so that the scan at start stays light.
CREATE TABLE message (
	queue_id BLOB PRIMARY KEY,
	accepted_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	source INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	flags INTEGER NOT NULL,
	size INTEGER NOT NULL,
	reverse_path TEXT NOT NULL,
	subject TEXT NOT NULL,
	content INTEGER NOT NULL,
	body_file TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE content (
	id INTEGER PRIMARY KEY,
	head BLOB NOT NULL,
	body BLOB
) STRICT;

CREATE TABLE recipient (
	queue_id BLOB NOT NULL,
	n INTEGER NOT NULL,
	kind INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	address TEXT NOT NULL,
	original TEXT,
	state INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	next_ms INTEGER NOT NULL,
	last_ms INTEGER NOT NULL,
	reply TEXT,
	PRIMARY KEY (queue_id, n)
) STRICT, WITHOUT ROWID;
