-- Roles, identities, the audit chain, and what the API remembers. Everything here adds: release 0001 reads and runs on it.

-- 0: what `role` says (user or owner); 2: admin; 3: domain admin; 4: auditor.
ALTER TABLE account ADD COLUMN duty INTEGER NOT NULL DEFAULT 0 CHECK (duty IN (0, 2, 3, 4));
ALTER TABLE account ADD COLUMN name TEXT NOT NULL DEFAULT '';
CREATE INDEX account_owner ON account (id) WHERE role = 1;

-- Domains of a domain admin.
CREATE TABLE account_grant (
	account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
	domain TEXT NOT NULL REFERENCES domain (name) ON DELETE CASCADE,
	PRIMARY KEY (account_id, domain)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_grant_domain ON account_grant (domain);

-- SCRAM (RFC 5802, RFC 7677): one salt and iteration count an account, which its app passwords share.
-- keys_sealed: StoredKey and ServerKey of the main password; empty until that is known in plain.
CREATE TABLE account_scram (
	account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
	salt BLOB NOT NULL,
	iterations INTEGER NOT NULL CHECK (iterations BETWEEN 4096 AND 10000000),
	keys_sealed BLOB NOT NULL DEFAULT x''
) STRICT;

-- protocols: bits (1 IMAP, 2 POP3, 4 SMTP). networks: CIDRs, blank between; empty: all. Times in unix ms, 0: never.
-- digest: SHA-256 of the letters. keys_sealed: its StoredKey and ServerKey under the account's salt.
CREATE TABLE app_password (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
	label TEXT NOT NULL,
	protocols INTEGER NOT NULL,
	networks TEXT NOT NULL,
	digest BLOB NOT NULL,
	keys_sealed BLOB NOT NULL,
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	used_ms INTEGER NOT NULL DEFAULT 0,
	used_from TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX app_password_account ON app_password (account_id);

-- One-time codes. last_step: of the last code that opened (RFC 6238 5.2: each opens once).
CREATE TABLE totp (
	account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
	secret_sealed BLOB NOT NULL,
	confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
	last_step INTEGER NOT NULL,
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_code (
	account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
	digest BLOB NOT NULL,
	PRIMARY KEY (account_id, digest)
) STRICT, WITHOUT ROWID;

-- Steps whose code was told to fit a time to come: it must not open then.
CREATE TABLE totp_burnt (
	account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
	step INTEGER NOT NULL,
	PRIMARY KEY (account_id, step)
) STRICT, WITHOUT ROWID;

-- public_key: COSE_Key as it came (RFC 9052).
CREATE TABLE passkey (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
	credential BLOB NOT NULL UNIQUE,
	public_key BLOB NOT NULL,
	sign_count INTEGER NOT NULL,
	label TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	used_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX passkey_account ON passkey (account_id);

-- Sessions of browsers. proven_ms: when the person last proved who they are (step-up).
CREATE TABLE web_session (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
	digest BLOB NOT NULL UNIQUE,
	created_ms INTEGER NOT NULL,
	seen_ms INTEGER NOT NULL,
	proven_ms INTEGER NOT NULL,
	seen_from TEXT NOT NULL,
	agent TEXT NOT NULL
) STRICT;
CREATE INDEX web_session_account ON web_session (account_id);
CREATE INDEX web_session_seen ON web_session (seen_ms);

-- scopes and domains: words, blank between; domains empty: all that the account's role reaches.
CREATE TABLE api_token (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
	label TEXT NOT NULL,
	digest BLOB NOT NULL UNIQUE,
	scopes TEXT NOT NULL,
	domains TEXT NOT NULL,
	networks TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	used_ms INTEGER NOT NULL DEFAULT 0,
	used_from TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX api_token_account ON api_token (account_id);

-- Networks from which an account has logged in: they get in while strangers are refused.
CREATE TABLE known_device (
	account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
	network TEXT NOT NULL,
	first_ms INTEGER NOT NULL,
	seen_ms INTEGER NOT NULL,
	protocols INTEGER NOT NULL,
	PRIMARY KEY (account_id, network)
) STRICT, WITHOUT ROWID;

-- Refusals that outlive a restart. subject: "account:17", "network:192.0.2.0/24".
CREATE TABLE lockout (
	subject TEXT PRIMARY KEY,
	failures INTEGER NOT NULL,
	until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was changed, by whom. Append-only; chain is a digest over the row and the chain of the row before.
CREATE TABLE audit (
	id INTEGER PRIMARY KEY,
	at_ms INTEGER NOT NULL,
	actor TEXT NOT NULL,
	actor_account INTEGER NOT NULL,
	via TEXT NOT NULL,
	peer TEXT NOT NULL,
	request_id TEXT NOT NULL,
	operation TEXT NOT NULL,
	subject TEXT NOT NULL,
	domain TEXT NOT NULL,
	before TEXT NOT NULL,
	after TEXT NOT NULL,
	chain BLOB NOT NULL
) STRICT;
CREATE INDEX audit_subject ON audit (subject, id);
CREATE INDEX audit_actor ON audit (actor_account, id);
CREATE INDEX audit_domain ON audit (domain, id);
CREATE INDEX audit_at ON audit (at_ms);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_is_never_removed BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;

-- Answers of requests with an Idempotency-Key, kept a day. key and request: keyed digests. status 0: cut short; answer_sealed is a note of its handler.
CREATE TABLE idempotency (
	key BLOB PRIMARY KEY,
	request BLOB NOT NULL,
	created_ms INTEGER NOT NULL,
	status INTEGER NOT NULL,
	answer_sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_created ON idempotency (created_ms);

-- Long work: state 0 waiting, 1 running, 2 done, 3 failed, 4 cancelled.
CREATE TABLE job (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	operation TEXT NOT NULL,
	account_id INTEGER NOT NULL,
	token_id INTEGER NOT NULL,
	actor TEXT NOT NULL,
	state INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	finished_ms INTEGER NOT NULL,
	total INTEGER NOT NULL,
	done INTEGER NOT NULL,
	failed INTEGER NOT NULL,
	detail TEXT NOT NULL
) STRICT;
CREATE TABLE job_item (
	job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
	n INTEGER NOT NULL,
	subject TEXT NOT NULL,
	status INTEGER NOT NULL,
	code TEXT NOT NULL,
	detail TEXT NOT NULL,
	PRIMARY KEY (job, n)
) STRICT, WITHOUT ROWID;

-- types: words, blank between, with '*' at an end. secrets: at most two, sealed, the newest first.
CREATE TABLE webhook (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	url TEXT NOT NULL,
	types TEXT NOT NULL,
	enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
	secret_sealed BLOB NOT NULL,
	old_secret_sealed BLOB NOT NULL,
	created_ms INTEGER NOT NULL,
	last_event INTEGER NOT NULL,
	failing INTEGER NOT NULL DEFAULT 0 CHECK (failing IN (0, 1))
) STRICT;
-- state 0 waiting, 1 delivered, 2 given up.
CREATE TABLE webhook_delivery (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	webhook INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
	event INTEGER NOT NULL,
	subject TEXT NOT NULL,
	type TEXT NOT NULL,
	payload TEXT NOT NULL,
	state INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	next_ms INTEGER NOT NULL,
	last_ms INTEGER NOT NULL,
	last_status INTEGER NOT NULL,
	last_error TEXT NOT NULL
) STRICT;
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook, subject, id) WHERE state = 0;
CREATE INDEX webhook_delivery_next ON webhook_delivery (next_ms) WHERE state = 0;
CREATE INDEX webhook_delivery_of ON webhook_delivery (webhook, id);

-- Who may hand in mail over submit.sock, by uid; -1: everybody else. account_id 0: by its unix name. remote: may send outside.
CREATE TABLE submitter (
	uid INTEGER PRIMARY KEY,
	sender TEXT NOT NULL,
	remote INTEGER NOT NULL CHECK (remote IN (0, 1)),
	allowed INTEGER NOT NULL CHECK (allowed IN (0, 1))
) STRICT;
