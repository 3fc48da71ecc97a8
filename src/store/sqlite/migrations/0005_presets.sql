-- Agents that the gateway keeps for platforms that have none. What was said of them stands in the
-- column called `sealed` only.

CREATE TABLE presets (
    id         TEXT PRIMARY KEY,
    upstream   TEXT NOT NULL,
    workspace  TEXT NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    sealed     BLOB NOT NULL
) STRICT;
CREATE INDEX presets_by_workspace ON presets (workspace, upstream, id);
