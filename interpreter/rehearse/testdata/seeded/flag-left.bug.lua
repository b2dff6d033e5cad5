-- The maintenance page stays after a run that failed.
runbook { name = "flag-left", locks = { "db/app" }, on_failure = "rollback" }
local db, exec = require "db", require "exec"
exec.run { argv = { "./page.sh", "sorry" }, class = "write", recovery = "retry" }
db.migrate { to = 8 }
exec.run { argv = { "./page.sh", "normal" }, class = "write", recovery = "retry" }
