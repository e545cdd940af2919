-- Records of other machines' ledgers, verified when they were imported. They are no part of this ledger: its own records
-- `ledger.imported` say up to where each of these logs is in view, and under which root.
CREATE TABLE IF NOT EXISTS imported (
  origin  TEXT NOT NULL,
  seq     INTEGER NOT NULL,
  kind    TEXT NOT NULL,
  asset   TEXT,
  ts      TEXT NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (origin, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS imported_by_kind_and_asset ON imported (kind, asset, origin, seq);
