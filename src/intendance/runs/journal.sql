-- name: has_schema
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'due'

-- name: schema_run
CREATE TABLE IF NOT EXISTS run (
  id                  TEXT PRIMARY KEY,
  asset               TEXT NOT NULL,
  activity            TEXT NOT NULL,
  occurrence          TEXT NOT NULL,
  actor               TEXT NOT NULL,
  options             TEXT NOT NULL,
  state               TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
  attempt             INTEGER NOT NULL DEFAULT 0,
  attempts_allowed    INTEGER NOT NULL CHECK (attempts_allowed >= 1),
  deadline_seconds    INTEGER NOT NULL CHECK (deadline_seconds > 0),
  queued_at           TEXT NOT NULL,
  started_at          TEXT,
  ended_at            TEXT,
  pid                 INTEGER,
  pid_started_ticks   INTEGER,
  boot                TEXT,
  cancel_requested_at TEXT,
  error               TEXT,
  message             TEXT,
  next_step           TEXT
) STRICT

-- name: schema_run_state
CREATE INDEX IF NOT EXISTS run_state ON run (state, queued_at)

-- name: schema_step
CREATE TABLE IF NOT EXISTS step (
  run          TEXT NOT NULL REFERENCES run (id),
  name         TEXT NOT NULL,
  attempt      INTEGER NOT NULL,
  memo         TEXT NOT NULL,
  seq          INTEGER,
  committed_at TEXT NOT NULL,
  PRIMARY KEY (run, name)
) STRICT

-- name: schema_due
CREATE TABLE IF NOT EXISTS due (
  asset    TEXT NOT NULL,
  activity TEXT NOT NULL,
  cron     TEXT NOT NULL,
  zone     TEXT NOT NULL,
  last_due TEXT NOT NULL,
  PRIMARY KEY (asset, activity)
) STRICT

-- name: schema_journal
CREATE TABLE journal (version INTEGER NOT NULL) STRICT

-- name: schema_retry
CREATE TABLE IF NOT EXISTS retry (
  run        TEXT PRIMARY KEY REFERENCES run (id),
  failures   INTEGER NOT NULL,
  not_before TEXT NOT NULL
) STRICT

-- name: has_version
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'journal'

-- name: read_version
SELECT max(version) FROM journal

-- name: forget_version
DELETE FROM journal

-- name: write_version
INSERT INTO journal (version) VALUES (:version)

-- name: copy_database
VACUUM INTO :path

-- name: submit
INSERT INTO run (id, asset, activity, occurrence, actor, options, state, attempts_allowed, deadline_seconds, queued_at)
VALUES (:id, :asset, :activity, :occurrence, :actor, :options, 'queued', :attempts_allowed, :deadline_seconds, :queued_at)
ON CONFLICT (id) DO NOTHING

-- name: claim
UPDATE run
SET state = 'running', attempt = attempt + 1, started_at = :at, ended_at = NULL,
    pid = NULL, pid_started_ticks = NULL, boot = NULL, error = NULL, message = NULL, next_step = NULL
WHERE id = :id AND state = 'queued'
RETURNING attempt

-- name: register
UPDATE run
SET pid = :pid, pid_started_ticks = :pid_started_ticks, boot = :boot
WHERE id = :id AND attempt = :attempt AND state = 'running' AND pid IS NULL

-- name: release
UPDATE run SET state = 'queued', attempt = attempt - 1, pid = NULL, pid_started_ticks = NULL, boot = NULL
WHERE id = :id AND attempt = :attempt AND state = 'running'

-- name: fence
SELECT 1 FROM run WHERE id = :id AND attempt = :attempt AND state = 'running'

-- name: end
UPDATE run
SET state = :state, ended_at = :at, error = :error, message = :message, next_step = :next_step
WHERE id = :id AND attempt = :attempt AND state IN ('queued', 'running')

-- name: requeue
UPDATE run
SET state = 'queued', error = :error, message = :message, next_step = :next_step
WHERE id = :id AND attempt = :attempt AND state = 'running'

-- name: postpone
INSERT INTO retry (run, failures, not_before) VALUES (:id, 1, :not_before)
ON CONFLICT (run) DO UPDATE SET failures = failures + 1, not_before = excluded.not_before

-- name: retries
SELECT run, failures, not_before FROM retry WHERE run IN (SELECT id FROM run WHERE state IN ('queued', 'running'))

-- name: prune_retries
DELETE FROM retry WHERE run IN (SELECT id FROM run WHERE ended_at < :before AND state NOT IN ('queued', 'running'))

-- name: request_cancel
UPDATE run SET cancel_requested_at = :at WHERE id = :id AND state IN ('queued', 'running') AND cancel_requested_at IS NULL

-- name: get
SELECT id, asset, activity, occurrence, actor, options, state, attempt, attempts_allowed, deadline_seconds, queued_at,
       started_at, ended_at, pid, pid_started_ticks, boot, cancel_requested_at, error, message, next_step
FROM run WHERE id = :id

-- name: in_state
SELECT id, asset, activity, occurrence, actor, options, state, attempt, attempts_allowed, deadline_seconds, queued_at,
       started_at, ended_at, pid, pid_started_ticks, boot, cancel_requested_at, error, message, next_step
FROM run WHERE state = :state ORDER BY queued_at, id

-- name: recent
SELECT id, asset, activity, occurrence, actor, options, state, attempt, attempts_allowed, deadline_seconds, queued_at,
       started_at, ended_at, pid, pid_started_ticks, boot, cancel_requested_at, error, message, next_step
FROM run WHERE :asset IS NULL OR asset = :asset
ORDER BY coalesce(started_at, queued_at) DESC, id DESC LIMIT :limit

-- name: waiting
SELECT id FROM run WHERE asset = :asset AND activity = :activity AND state = 'queued' ORDER BY queued_at LIMIT 1

-- name: memo
SELECT memo FROM step WHERE run = :run AND name = :name

-- name: commit_step
INSERT INTO step (run, name, attempt, memo, seq, committed_at)
VALUES (:run, :name, :attempt, :memo, :seq, :committed_at)

-- name: steps
SELECT name, attempt, memo, seq, committed_at FROM step WHERE run = :run ORDER BY committed_at, rowid

-- name: last_told
SELECT record.kind FROM step JOIN record ON record.seq = step.seq
WHERE step.run = :run AND step.attempt = :attempt ORDER BY step.seq DESC LIMIT 1

-- name: due_rows
SELECT asset, activity, cron, zone, last_due FROM due ORDER BY asset, activity

-- name: write_due
INSERT INTO due (asset, activity, cron, zone, last_due) VALUES (:asset, :activity, :cron, :zone, :last_due)
ON CONFLICT (asset, activity) DO UPDATE SET cron = excluded.cron, zone = excluded.zone, last_due = excluded.last_due

-- name: advance_due
UPDATE due SET last_due = :last_due WHERE asset = :asset AND activity = :activity

-- name: remove_due
DELETE FROM due WHERE asset = :asset AND activity = :activity

-- name: prune_steps
DELETE FROM step WHERE run IN (SELECT id FROM run WHERE ended_at < :before AND state NOT IN ('queued', 'running'))

-- name: prune_runs
DELETE FROM run WHERE ended_at < :before AND state NOT IN ('queued', 'running')
