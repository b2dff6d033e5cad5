-- The rollback sends the traffic back to what it starts only afterwards: rollbacks run newest first.
runbook { name = "given-back-ill", locks = { "traffic/web" }, on_failure = "rollback" }
local traffic, exec, health = require "traffic", require "exec", require "health"
on_rollback("start old", function() exec.run { argv = { "./old.sh", "start" }, class = "write", recovery = "retry" } end)
on_rollback("traffic back", function() traffic.switch { to = "old" } end)
traffic.switch { to = "spare" }
exec.run { argv = { "./old.sh", "stop" }, class = "write", recovery = "retry" }
exec.run { argv = { "./upgrade.sh" }, class = "write", recovery = "retry", timeout = "30m" }
exec.run { argv = { "./old.sh", "start" }, class = "write", recovery = "retry" }
health.check { env = "old" }
traffic.switch { to = "old" }
