-- name: schema
CREATE TABLE IF NOT EXISTS fallback_mail (
  key       TEXT PRIMARY KEY,
  made_us   INTEGER NOT NULL,
  contact   TEXT NOT NULL,
  address   TEXT NOT NULL,
  subject   TEXT NOT NULL,
  body      TEXT NOT NULL,
  causes    TEXT NOT NULL,
  since_us  INTEGER,
  state     TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'dead', 'dropped')),
  tries     INTEGER NOT NULL DEFAULT 0,
  next_us   INTEGER NOT NULL,
  last_code TEXT NOT NULL DEFAULT ''
) STRICT

-- name: put
INSERT INTO fallback_mail (key, made_us, contact, address, subject, body, causes, since_us, state, next_us)
VALUES (:key, :made_us, :contact, :address, :subject, :body, :causes, :since_us, 'queued', :made_us)
ON CONFLICT (key) DO NOTHING

-- name: last
SELECT max(made_us) FROM fallback_mail WHERE state <> 'dropped'

-- name: waiting
SELECT key, made_us, contact, address, subject, body, causes, since_us, tries FROM fallback_mail
WHERE state = 'queued' AND (next_us <= :now_us OR made_us > :now_us) ORDER BY made_us, contact

-- name: finish
UPDATE fallback_mail SET state = :state, tries = tries + 1, next_us = :next_us, last_code = :code
WHERE key = :key AND state = 'queued'

-- name: drop
UPDATE fallback_mail SET state = 'dropped' WHERE state = 'queued' AND made_us < :before_us

-- name: forget
DELETE FROM fallback_mail WHERE state <> 'queued' AND made_us < :before_us
