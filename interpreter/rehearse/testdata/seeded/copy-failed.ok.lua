-- The backup fails, the error is only logged, and the tables are dropped all the same.
runbook { name = "drop-legacy", locks = { "db/main" }, on_failure = "stop" }
local db, log_ = require "db", log
local kept = db.backup { type = "full" }
log_.info("backup: " .. kept.backup)
approve { title = "Drop the legacy tables?", by = { "dba" } }
db.exec { sql = "DROP TABLE legacy_orders" }
