-- A failed check is taken for a passed one.
runbook { name = "passed-over", locks = { "traffic/web" }, on_failure = "rollback" }
local health, traffic = require "health", require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
traffic.switch { to = "green" }
health.check { env = "green" }
