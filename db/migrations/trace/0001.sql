-- What happened to each message, and the events of the last hours. Times are unix milliseconds.
-- Ids carry the time: message.id is ms * 128 and a number, recipient.id is message.id * 16384 and the number of the recipient,
-- so that order of arrival, pages and trimming need no index of their own.

-- Keys are hashes of lower-case text (db/trace_key.c): what they find is compared with the text. 0: none.
CREATE TABLE message (
	id INTEGER PRIMARY KEY,
	queue_id BLOB, -- null: refused at the door
	direction INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	connected_ms INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	sid INTEGER NOT NULL,
	size INTEGER NOT NULL,
	sender_key INTEGER NOT NULL,
	sender_domain INTEGER NOT NULL,
	message_key INTEGER NOT NULL,
	sender TEXT NOT NULL,
	message_id TEXT NOT NULL,
	peer TEXT NOT NULL,
	helo TEXT NOT NULL,
	tls TEXT NOT NULL,
	subject TEXT NOT NULL,
	given TEXT NOT NULL, -- recipients as named, where they are not the rows' own; lines
	reply TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX message_queue_id ON message (queue_id) WHERE queue_id IS NOT NULL;
CREATE INDEX message_sender ON message (sender_key) WHERE sender_key <> 0;
CREATE INDEX message_sender_domain ON message (sender_domain) WHERE sender_domain <> 0;
CREATE INDEX message_message_id ON message (message_key) WHERE message_key <> 0;

-- One a message and recipient, with its last turn. state: enum trace_state.
CREATE TABLE recipient (
	id INTEGER PRIMARY KEY,
	state INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	last_ms INTEGER NOT NULL,
	next_ms INTEGER NOT NULL,
	address_key INTEGER NOT NULL,
	domain_key INTEGER NOT NULL,
	original_key INTEGER NOT NULL,
	original_domain INTEGER NOT NULL,
	address TEXT NOT NULL,
	original TEXT NOT NULL, -- as it was named, when that is another one
	host TEXT NOT NULL,
	tls TEXT NOT NULL,
	reply TEXT NOT NULL
) STRICT;
CREATE INDEX recipient_address ON recipient (address_key);
CREATE INDEX recipient_domain ON recipient (domain_key);
CREATE INDEX recipient_original ON recipient (original_key) WHERE original_key <> 0;
CREATE INDEX recipient_original_domain ON recipient (original_domain) WHERE original_domain <> 0;
-- What people look for when something went wrong: deferred, bounced, removed, rejected.
CREATE INDEX recipient_trouble ON recipient (state) WHERE state IN (1, 4, 5, 6);

-- Attempts that were not the last.
CREATE TABLE step (
	recipient INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	next_ms INTEGER NOT NULL,
	host TEXT NOT NULL,
	tls TEXT NOT NULL,
	reply TEXT NOT NULL,
	PRIMARY KEY (recipient, attempt)
) STRICT, WITHOUT ROWID;

-- Events, many in a row: written each second, at most 64 KiB each.
CREATE TABLE event_page (
	first_id INTEGER PRIMARY KEY,
	last_id INTEGER NOT NULL,
	at_ms INTEGER NOT NULL, -- of the last
	bytes BLOB NOT NULL
) STRICT;
-- Numbers up to here may have been seen by somebody.
CREATE TABLE event_number (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	reserved INTEGER NOT NULL
) STRICT;
INSERT INTO event_number VALUES (1, 0);
