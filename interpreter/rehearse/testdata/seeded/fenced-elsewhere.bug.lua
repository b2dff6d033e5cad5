-- The old primary goes on: the service is stopped on the host of the one that takes its place, where that starts it again.
runbook { name = "switchover", locks = { "db/users" }, on_failure = "stop" }
local db, hosts = require "db", require "hosts"
local lag = db.lag { node = "b" }.lag
if not lag or lag > 1 then fail "b is behind" end
hosts.service { on = { "db-b" }, name = "postgresql", action = "stop" }
hosts.service { on = { "db-b" }, name = "postgresql", action = "start" }
db.promote { node = "b" }
