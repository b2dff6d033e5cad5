-- A new standby, fed over a slot of its own.
runbook { name = "add-standby", locks = { "db/main" }, on_failure = "rollback" }
local db, hosts = require "db", require "hosts"

step("slot", function()
  db.exec { sql = "SELECT pg_create_physical_replication_slot('standby_c', true)",
    undo = function() db.exec { sql = "SELECT pg_drop_replication_slot('standby_c')" } end }
end)
step("copy", function()
  hosts.run { on = { "c" }, argv = { "pg_basebackup", "-h", "a", "-D", "/var/lib/postgresql/15/main", "-R", "--slot=standby_c" },
    class = "write", recovery = "retry", timeout = "8h" }
end)
step("start", function()
  hosts.service { on = { "c" }, name = "postgresql", action = "start", undo = function() hosts.service { on = { "c" }, name = "postgresql", action = "stop" } end }
  wait { title = "c follows", every = "10s", timeout = "1h", until_ = function()
    local lag = db.lag { node = "c" }.lag
    return lag and lag < 5
  end }
end)
