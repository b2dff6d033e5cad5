-- A replica is to be seeded anew, and the command is for its group, the primary included: so GitLab lost data in 2017.
runbook { name = "reseed-replica", locks = { "db/main", "hosts/db" }, on_failure = "stop" }
local hosts, db = require "hosts", require "db"

approve { title = "Wipe the replica db2?", by = { "dba" }, detail = "db2 is seeded anew from db1" }

hosts.service { on = { "db2" }, name = "postgresql", action = "stop" }
hosts.run { on = { "db" }, argv = { "rm", "-rf", "/var/lib/postgresql/15/main" }, class = "irreversible" }
hosts.run { on = { "db2" }, argv = { "pg_basebackup", "-h", "db1", "-D", "/var/lib/postgresql/15/main", "-R" }, class = "write", timeout = "2h" }
hosts.service { on = { "db2" }, name = "postgresql", action = "start" }
wait { title = "db2 follows", timeout = "30m", every = "30s", until_ = function()
  local lag = db.lag { node = "db2" }.lag
  return lag and lag < 5
end }
