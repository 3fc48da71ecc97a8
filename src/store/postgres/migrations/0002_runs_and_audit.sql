-- Runs with their events, conversations, bound keys, callbacks, the lives that drive runs, and the
-- log of the audit. What callers and agents have said stands in columns called `sealed` only; it
-- cannot be compressed, so that is not tried.

CREATE TABLE lives (
    boot      TEXT COLLATE "C" PRIMARY KEY,
    beats     BIGINT NOT NULL,
    joined_at BIGINT NOT NULL
);

CREATE TABLE runs (
    id         TEXT COLLATE "C" PRIMARY KEY,
    boot       TEXT COLLATE "C" NOT NULL,
    workspace  TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    agent      TEXT COLLATE "C" NOT NULL,
    thread_id  TEXT COLLATE "C",
    status     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at   BIGINT,
    cancel_at  BIGINT,
    sealed     BYTEA NOT NULL
);
ALTER TABLE runs ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX runs_by_workspace ON runs (workspace, id);
CREATE INDEX runs_in_flight ON runs (boot) WHERE ended_at IS NULL;
CREATE INDEX runs_by_end ON runs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE run_events (
    run_id TEXT COLLATE "C" NOT NULL,
    first  BIGINT NOT NULL,
    last   BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (run_id, first)
);
ALTER TABLE run_events ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE threads (
    id         TEXT COLLATE "C" PRIMARY KEY,
    workspace  TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL,
    busy       TEXT COLLATE "C",
    updated_at BIGINT NOT NULL,
    sealed     BYTEA NOT NULL
);
ALTER TABLE threads ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX threads_by_use ON threads (updated_at);

-- A key of a caller, by the digest of caller, route and key.
CREATE TABLE bound_keys (
    key         BYTEA PRIMARY KEY,
    fingerprint BYTEA NOT NULL,
    run_id      TEXT COLLATE "C" NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX bound_keys_by_run ON bound_keys (run_id);
CREATE INDEX bound_keys_by_end ON bound_keys (expires_at);

CREATE TABLE callbacks (
    id            TEXT COLLATE "C" PRIMARY KEY,
    run_id        TEXT COLLATE "C" NOT NULL,
    workspace     TEXT COLLATE "C" NOT NULL,
    state         TEXT COLLATE "C" NOT NULL,
    attempts      BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL DEFAULT 0,
    created_at    BIGINT NOT NULL,
    last          TEXT COLLATE "C",
    sealed        BYTEA NOT NULL
);
ALTER TABLE callbacks ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX callbacks_due ON callbacks (due_at, id) WHERE state = 'pending';
CREATE INDEX callbacks_over ON callbacks (created_at) WHERE state <> 'pending';
CREATE INDEX callbacks_by_state ON callbacks (state, id);

-- Records that have no place yet. A transaction adds its own without waiting for another, so their
-- numbers need not become visible in their order; places are given later, one writer at a time.
-- Rows come and go, so what is gone is cleared away by their count and not by a share of them.
CREATE TABLE audit_waiting (
    number    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id        TEXT COLLATE "C" NOT NULL UNIQUE,
    at        BIGINT NOT NULL,
    workspace TEXT COLLATE "C",
    run_id    TEXT COLLATE "C",
    stage     TEXT COLLATE "C" NOT NULL,
    decision  TEXT COLLATE "C" NOT NULL,
    body      BYTEA NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- The log: a row's place is one less than its number. Numbers have no gaps.
CREATE TABLE audit_log (
    number    BIGINT PRIMARY KEY,
    id        TEXT COLLATE "C" NOT NULL,
    at        BIGINT NOT NULL,
    workspace TEXT COLLATE "C",
    run_id    TEXT COLLATE "C",
    stage     TEXT COLLATE "C" NOT NULL,
    decision  TEXT COLLATE "C" NOT NULL,
    body      BYTEA NOT NULL
);
CREATE INDEX audit_log_by_run ON audit_log (run_id, number) WHERE run_id IS NOT NULL;

CREATE TABLE audit_tree (
    one    SMALLINT PRIMARY KEY CHECK (one = 1),
    size   BIGINT NOT NULL,
    signed BIGINT NOT NULL,
    first  BIGINT NOT NULL
);
INSERT INTO audit_tree (one, size, signed, first) VALUES (1, 0, 0, 0);

CREATE TABLE audit_tiles (
    level  INTEGER NOT NULL,
    place  BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    PRIMARY KEY (level, place)
);

CREATE TABLE audit_checkpoints (
    size BIGINT PRIMARY KEY,
    at   BIGINT NOT NULL,
    note TEXT NOT NULL
);
