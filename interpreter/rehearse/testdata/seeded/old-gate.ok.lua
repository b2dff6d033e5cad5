runbook { name = "old-gate", locks = { "traffic/web" }, on_failure = "rollback" }
local traffic, health = require "traffic", require "health"
on_rollback(function() traffic.switch { to = "blue" } end)
health.watch { env = "green", during = "10m", every = "1m", slo = { error_rate = "< 1%" } }
approve { title = "Move all traffic to green?", by = { "lead" }, timeout = "3d" }
health.watch { env = "green", during = "10m", every = "1m", slo = { error_rate = "< 1%" } }
traffic.switch { to = "green" }
health.watch { env = "green", during = "10m", every = "1m", slo = { error_rate = "< 1%" } }
