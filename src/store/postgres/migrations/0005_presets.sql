-- Agents that the gateway keeps for platforms that have none. What was said of them stands in the
-- column called `sealed` only.

CREATE TABLE presets (
    id         TEXT COLLATE "C" PRIMARY KEY,
    upstream   TEXT COLLATE "C" NOT NULL,
    workspace  TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    sealed     BYTEA NOT NULL
);
ALTER TABLE presets ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX presets_by_workspace ON presets (workspace, upstream, id);
