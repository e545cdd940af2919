-- name: schema
CREATE TABLE IF NOT EXISTS guide (
  id    TEXT PRIMARY KEY,
  name  TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'done', 'back', 'cancelled')),
  memo  TEXT NOT NULL
) STRICT

-- name: latest
SELECT state, memo FROM guide WHERE name = :name ORDER BY rowid DESC LIMIT 1

-- name: memos
SELECT memo FROM guide

-- name: write
INSERT INTO guide (id, name, state, memo) VALUES (:id, :name, :state, :memo)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, memo = excluded.memo

-- name: taken
SELECT 1 FROM guide WHERE id = :id
