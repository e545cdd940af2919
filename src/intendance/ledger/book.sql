-- The one truth of the ledger. `content` is the canonical record; the columns beside it only serve to find it, and
-- `ledger verify` compares them with it.
CREATE TABLE IF NOT EXISTS record (
  seq     INTEGER PRIMARY KEY,
  kind    TEXT NOT NULL,
  asset   TEXT,
  ts      TEXT NOT NULL,
  content BLOB NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS record_by_kind ON record (kind, seq, ts);
CREATE INDEX IF NOT EXISTS record_by_kind_and_asset ON record (kind, asset, seq, ts);
CREATE INDEX IF NOT EXISTS record_by_asset ON record (asset, seq, ts);

-- A seat belt against mistakes, not against attackers: those are what the tree and its signature are for.
CREATE TRIGGER IF NOT EXISTS record_is_never_changed BEFORE UPDATE ON record
BEGIN SELECT RAISE(ABORT, 'a ledger record is never changed'); END;
CREATE TRIGGER IF NOT EXISTS record_is_never_deleted BEFORE DELETE ON record
BEGIN SELECT RAISE(ABORT, 'a ledger record is never deleted'); END;
