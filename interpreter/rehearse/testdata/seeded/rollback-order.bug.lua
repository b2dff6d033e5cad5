-- Rollbacks run newest first: what is registered last has to take the traffic away.
runbook { name = "rollback-order", locks = { "traffic/web", "deploy/web" }, on_failure = "rollback" }
local deploy, health, traffic = require "deploy", require "health", require "traffic"
on_rollback("blue serves", function() traffic.switch { to = "blue" } end)
on_rollback("green is gone", function() deploy.decommission { env = "green" } end)
deploy.release { env = "green", version = "v2" }
traffic.split { blue = 50, green = 50 }
health.check { env = "green" }
traffic.switch { to = "green" }
health.check { env = "green" }
