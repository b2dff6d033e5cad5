-- The rollback starts the workers before the schema is the one that they know.
runbook { name = "migrate", locks = { "db/main" }, on_failure = "rollback" }
local db, exec = require "db", require "exec"
local function start() exec.run { argv = { "systemctl", "start", "jobs" }, class = "write", recovery = "retry" } end
on_rollback("workers run", start)
on_rollback("schema 7", function() db.migrate { to = 7 } end)
exec.run { argv = { "systemctl", "stop", "jobs" }, class = "write", recovery = "retry" }
db.migrate { to = 8 }
start()
