-- Keys, revoked tokens and the totals of budgets. Times are microseconds since the Unix epoch;
-- money and credits are millionths.

-- Each transaction that writes keys or revoked tokens raises this version and stamps it on what it
-- writes, so that whoever knows a version can ask for what came after it.
CREATE TABLE key_version (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO key_version (one, version) VALUES (1, 0);

CREATE TABLE api_keys (
    id          TEXT PRIMARY KEY,
    workspace   TEXT NOT NULL,
    name        TEXT NOT NULL,
    scopes      TEXT NOT NULL,
    group_names TEXT NOT NULL,
    agent_names TEXT,
    class       TEXT,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    revoked_at  INTEGER,
    version     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX api_keys_by_name ON api_keys (workspace, name) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_by_workspace ON api_keys (workspace, id);
CREATE INDEX api_keys_by_version ON api_keys (version);

-- The newest secret of a key has the highest number. Secrets of revoked keys stay, so that none
-- comes back to life as another key's.
CREATE TABLE api_key_secrets (
    hash       BLOB PRIMARY KEY,
    key_id     TEXT NOT NULL REFERENCES api_keys (id),
    number     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX api_key_secrets_by_key ON api_key_secrets (key_id, number);

CREATE TABLE revoked_tokens (
    issuer     TEXT NOT NULL,
    token_id   TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (issuer, token_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_tokens_by_version ON revoked_tokens (version);
CREATE INDEX revoked_tokens_by_end ON revoked_tokens (expires_at);

-- `window_end` is the greatest number for a budget in total. `holds` counts the reservations.
CREATE TABLE budget_accounts (
    id               INTEGER PRIMARY KEY,
    budget           TEXT NOT NULL,
    subject          TEXT NOT NULL,
    window_start     INTEGER NOT NULL,
    window_end       INTEGER NOT NULL,
    spent_usd        INTEGER NOT NULL DEFAULT 0,
    spent_tokens     INTEGER NOT NULL DEFAULT 0,
    spent_credits    INTEGER NOT NULL DEFAULT 0,
    spent_runs       INTEGER NOT NULL DEFAULT 0,
    reserved_usd     INTEGER NOT NULL DEFAULT 0,
    reserved_tokens  INTEGER NOT NULL DEFAULT 0,
    reserved_credits INTEGER NOT NULL DEFAULT 0,
    reserved_runs    INTEGER NOT NULL DEFAULT 0,
    holds            INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX budget_accounts_by_name
    ON budget_accounts (budget, subject, window_start, window_end);
CREATE INDEX budget_accounts_by_end ON budget_accounts (window_end);

CREATE TABLE budget_reservations (
    id     TEXT PRIMARY KEY,
    due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX budget_reservations_by_due ON budget_reservations (due_at);

CREATE TABLE budget_claims (
    reservation TEXT NOT NULL REFERENCES budget_reservations (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    account     INTEGER NOT NULL REFERENCES budget_accounts (id),
    most_usd     INTEGER,
    most_tokens  INTEGER,
    most_credits INTEGER,
    most_runs    INTEGER,
    usd         INTEGER NOT NULL,
    tokens      INTEGER NOT NULL,
    credits     INTEGER NOT NULL,
    runs        INTEGER NOT NULL,
    PRIMARY KEY (reservation, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX budget_claims_by_account ON budget_claims (account);

-- What a probe writes, to find out whether the store can be written.
CREATE TABLE store_probe (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    probed_at INTEGER NOT NULL
) STRICT;
INSERT INTO store_probe (one, probed_at) VALUES (1, 0);
