-- A rollback leads back to where the run began.
runbook { name = "rollback-to-nowhere", locks = { "traffic/web" } }
local traffic, health = require "traffic", require "health"
on_rollback(function() traffic.split { blue = 50, green = 50 } end)
traffic.switch { to = "green" }
health.check { env = "green" }
