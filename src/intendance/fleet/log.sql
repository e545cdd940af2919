-- Which acts of the manager's database stand in the log, each with its record, written in the transaction that recorded
-- it: an act that is carried here a second time is known.
CREATE TABLE IF NOT EXISTS carried (
  key TEXT PRIMARY KEY,
  seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
