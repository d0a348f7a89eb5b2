-- IMAP capabilities that an account is not offered, for the client that chokes on them: names as CAPABILITY writes them, a blank between. Adds only.
ALTER TABLE account ADD COLUMN imap_off TEXT NOT NULL DEFAULT '';
