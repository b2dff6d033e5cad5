-- The list of backups has the oldest first, and the first one is restored; of those of before the damage the last is meant.
runbook { name = "restore", locks = { "db/main" }, on_failure = "stop", params = { before = { type = "string", default = "2026-01-04T00:00:00Z" } } }
local db = require "db"
local chosen
for _, b in ipairs(db.backups {}.backups) do
  if b.ended < 1767484800 then chosen = b.name end
end
if not chosen then fail("no backup is old enough") end
db.restore { copy = "fresh", backup = chosen }
db.validate { copy = "fresh" }
db.swap { copy = "fresh" }
