-- What the relay remembers of other servers: MTA-STS policies (RFC 8461) and how TLS went (RFC 8460). Times are unix milliseconds.
CREATE TABLE sts_policy (
	domain TEXT PRIMARY KEY,
	id TEXT NOT NULL,
	mode INTEGER NOT NULL, -- enum sts_mode
	mx TEXT NOT NULL,      -- patterns, lines
	fetched_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	failed_ms INTEGER NOT NULL -- the last fetch that failed since; 0: none
) STRICT, WITHOUT ROWID;
CREATE INDEX sts_policy_expires ON sts_policy (expires_ms);

-- One row a UTC day, policy domain and policy: "policies" of RFC 8460 section 4.4.
CREATE TABLE tls_summary (
	day INTEGER NOT NULL, -- unix time / 86400
	domain TEXT NOT NULL,
	policy_type TEXT NOT NULL, -- "tlsa", "sts", "no-policy-found"
	policy TEXT NOT NULL,      -- "policy-string", lines
	mx TEXT NOT NULL,          -- "mx-host" patterns, lines
	successes INTEGER NOT NULL,
	failures INTEGER NOT NULL,
	PRIMARY KEY (day, domain, policy_type, policy)
) STRICT, WITHOUT ROWID;
-- "failure-details": result_type as RFC 8460 section 4.3 names it.
CREATE TABLE tls_failure (
	day INTEGER NOT NULL,
	domain TEXT NOT NULL,
	policy_type TEXT NOT NULL,
	result_type TEXT NOT NULL,
	sending_ip TEXT NOT NULL,
	mx_host TEXT NOT NULL,
	mx_ip TEXT NOT NULL,
	reason TEXT NOT NULL,
	count INTEGER NOT NULL,
	PRIMARY KEY (day, domain, policy_type, result_type, sending_ip, mx_host, mx_ip, reason)
) STRICT, WITHOUT ROWID;
