-- The old primary has to be stopped before another takes writes.
runbook { name = "two-primaries", locks = { "db/main" } }
local db, exec = require "db", require "exec"
db.promote { node = "b" }
