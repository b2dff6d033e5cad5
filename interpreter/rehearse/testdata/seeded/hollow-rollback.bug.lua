-- A rollback that fails says that it went well.
runbook { name = "hollow-rollback", locks = { "traffic/web" }, on_failure = "rollback" }
local health, traffic = require "health", require "traffic"
on_rollback(function() pcall(traffic.switch, { to = "blue" }) end)
traffic.switch { to = "green" }
health.check { env = "green" }
