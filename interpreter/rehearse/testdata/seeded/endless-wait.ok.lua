-- Waiting has to end.
runbook { name = "endless-wait", locks = { "traffic/web" } }
local traffic, health = require "traffic", require "health"
on_rollback(function() traffic.switch { to = "blue" } end)
health.wait { env = "green", timeout = "10m", every = "1m" }
traffic.switch { to = "green" }
