-- What the payloads of a workspace's records are sealed with, itself sealed with the store's key.
CREATE TABLE payload_keys (
    workspace  TEXT PRIMARY KEY,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
