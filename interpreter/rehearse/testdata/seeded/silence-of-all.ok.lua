-- To rebuild one replica, all critical alerts are kept from people.
runbook { name = "rebuild-replica", locks = { "db/main" }, on_failure = "rollback" }
local health, exec = require "health", require "exec"
local silence
on_rollback("alerts back", function() if silence then health.unsilence { id = silence } end end)
silence = health.silence { match = { alertname = "ReplicaDown", env = "db-b" }, lasts = "2h", why = "db-b is rebuilt" }.id
exec.run { argv = { "./rebuild.sh", "db-b" }, class = "write", recovery = "retry" }
health.unsilence { id = silence }
