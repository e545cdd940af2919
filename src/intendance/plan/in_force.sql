-- The ledger's table, read from below it: the plan in force is the one that its latest `plan.adopted` names.
-- name: latest_adoption
SELECT content FROM record WHERE kind = 'plan.adopted' ORDER BY seq DESC LIMIT 1
