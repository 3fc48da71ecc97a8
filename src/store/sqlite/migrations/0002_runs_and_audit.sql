-- Runs with their events, conversations, bound keys, callbacks, the lives that drive runs, and the
-- log of the audit. What callers and agents have said stands in columns called `sealed` only.

CREATE TABLE lives (
    boot      TEXT PRIMARY KEY,
    beats     INTEGER NOT NULL,
    joined_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id         TEXT PRIMARY KEY,
    boot       TEXT NOT NULL,
    workspace  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    agent      TEXT NOT NULL,
    thread_id  TEXT,
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER,
    cancel_at  INTEGER,
    sealed     BLOB NOT NULL
) STRICT;
CREATE INDEX runs_by_workspace ON runs (workspace, id);
CREATE INDEX runs_in_flight ON runs (boot) WHERE ended_at IS NULL;
CREATE INDEX runs_by_end ON runs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE run_events (
    run_id TEXT NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (run_id, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE threads (
    id         TEXT PRIMARY KEY,
    workspace  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    version    INTEGER NOT NULL,
    busy       TEXT,
    updated_at INTEGER NOT NULL,
    sealed     BLOB NOT NULL
) STRICT;
CREATE INDEX threads_by_use ON threads (updated_at);

-- A key of a caller, by the digest of caller, route and key.
CREATE TABLE bound_keys (
    key         BLOB PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    run_id      TEXT NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bound_keys_by_run ON bound_keys (run_id);
CREATE INDEX bound_keys_by_end ON bound_keys (expires_at);

CREATE TABLE callbacks (
    id            TEXT PRIMARY KEY,
    run_id        TEXT NOT NULL,
    workspace     TEXT NOT NULL,
    state         TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    claimed_until INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    last          TEXT,
    sealed        BLOB NOT NULL
) STRICT;
CREATE INDEX callbacks_due ON callbacks (due_at, id) WHERE state = 'pending';
CREATE INDEX callbacks_over ON callbacks (created_at) WHERE state <> 'pending';
CREATE INDEX callbacks_by_state ON callbacks (state, id);

-- The log: a row's place is one less than its number. Numbers have no gaps, as the last row is
-- never deleted.
CREATE TABLE audit_log (
    number    INTEGER PRIMARY KEY,
    id        TEXT NOT NULL,
    at        INTEGER NOT NULL,
    workspace TEXT,
    run_id    TEXT,
    stage     TEXT NOT NULL,
    decision  TEXT NOT NULL,
    body      BLOB NOT NULL
) STRICT;
CREATE INDEX audit_log_by_run ON audit_log (run_id) WHERE run_id IS NOT NULL;

CREATE TABLE audit_tree (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    size   INTEGER NOT NULL,
    signed INTEGER NOT NULL,
    first  INTEGER NOT NULL
) STRICT;
INSERT INTO audit_tree (one, size, signed, first) VALUES (1, 0, 0, 0);

CREATE TABLE audit_tiles (
    level  INTEGER NOT NULL,
    place  INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (level, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_checkpoints (
    size INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
