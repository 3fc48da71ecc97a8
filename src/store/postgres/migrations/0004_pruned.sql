-- What says that the records before the first one were let go: a signed note.
ALTER TABLE audit_tree ADD COLUMN pruned TEXT;
