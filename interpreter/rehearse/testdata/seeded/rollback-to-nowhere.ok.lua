-- A rollback leads back to where the run began.
runbook { name = "rollback-to-nowhere", locks = { "traffic/web" } }
local traffic, health = require "traffic", require "health"
on_rollback(function() traffic.switch { to = "blue" } end)
traffic.switch { to = "green" }
health.check { env = "green" }
