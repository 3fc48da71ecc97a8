-- Keys, revoked tokens and the totals of budgets. Times are microseconds since the Unix epoch;
-- money and credits are millionths.

-- Each transaction that writes keys or revoked tokens raises this version and stamps it on what it
-- writes, so that whoever knows a version can ask for what came after it.
CREATE TABLE key_version (
    one     SMALLINT PRIMARY KEY CHECK (one = 1),
    version BIGINT NOT NULL
);
INSERT INTO key_version (one, version) VALUES (1, 0);

CREATE TABLE api_keys (
    id          TEXT COLLATE "C" PRIMARY KEY,
    workspace   TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    scopes      TEXT COLLATE "C" NOT NULL,
    group_names TEXT COLLATE "C" NOT NULL,
    agent_names TEXT COLLATE "C",
    class       TEXT COLLATE "C",
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    revoked_at  BIGINT,
    version     BIGINT NOT NULL
);
CREATE UNIQUE INDEX api_keys_by_name ON api_keys (workspace, name) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_by_workspace ON api_keys (workspace, id);
CREATE INDEX api_keys_by_version ON api_keys (version);

-- The newest secret of a key has the highest number. Secrets of revoked keys stay, so that none
-- comes back to life as another key's.
CREATE TABLE api_key_secrets (
    hash       BYTEA PRIMARY KEY,
    key_id     TEXT COLLATE "C" NOT NULL REFERENCES api_keys (id),
    number     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE UNIQUE INDEX api_key_secrets_by_key ON api_key_secrets (key_id, number);

CREATE TABLE revoked_tokens (
    issuer     TEXT COLLATE "C" NOT NULL,
    token_id   TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    PRIMARY KEY (issuer, token_id)
);
CREATE INDEX revoked_tokens_by_version ON revoked_tokens (version);
CREATE INDEX revoked_tokens_by_end ON revoked_tokens (expires_at);

-- `window_end` is the greatest number for a budget in total. `holds` counts the reservations.
CREATE TABLE budget_accounts (
    id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    budget           TEXT COLLATE "C" NOT NULL,
    subject          TEXT COLLATE "C" NOT NULL,
    window_start     BIGINT NOT NULL,
    window_end       BIGINT NOT NULL,
    spent_usd        BIGINT NOT NULL DEFAULT 0,
    spent_tokens     BIGINT NOT NULL DEFAULT 0,
    spent_credits    BIGINT NOT NULL DEFAULT 0,
    spent_runs       BIGINT NOT NULL DEFAULT 0,
    reserved_usd     BIGINT NOT NULL DEFAULT 0,
    reserved_tokens  BIGINT NOT NULL DEFAULT 0,
    reserved_credits BIGINT NOT NULL DEFAULT 0,
    reserved_runs    BIGINT NOT NULL DEFAULT 0,
    holds            BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX budget_accounts_by_name
    ON budget_accounts (budget, subject, window_start, window_end);
CREATE INDEX budget_accounts_by_end ON budget_accounts (window_end);

CREATE TABLE budget_reservations (
    id     TEXT COLLATE "C" PRIMARY KEY,
    due_at BIGINT NOT NULL
);
CREATE INDEX budget_reservations_by_due ON budget_reservations (due_at);

CREATE TABLE budget_claims (
    reservation TEXT COLLATE "C" NOT NULL REFERENCES budget_reservations (id) ON DELETE CASCADE,
    position    BIGINT NOT NULL,
    account     BIGINT NOT NULL REFERENCES budget_accounts (id),
    most_usd     BIGINT,
    most_tokens  BIGINT,
    most_credits BIGINT,
    most_runs    BIGINT,
    usd         BIGINT NOT NULL,
    tokens      BIGINT NOT NULL,
    credits     BIGINT NOT NULL,
    runs        BIGINT NOT NULL,
    PRIMARY KEY (reservation, position)
);
CREATE INDEX budget_claims_by_account ON budget_claims (account);

-- What a probe writes, to find out whether the store can be written.
CREATE TABLE store_probe (
    one       SMALLINT PRIMARY KEY CHECK (one = 1),
    probed_at BIGINT NOT NULL
);
INSERT INTO store_probe (one, probed_at) VALUES (1, 0);
