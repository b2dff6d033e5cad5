-- Waiting has to end.
runbook { name = "endless-wait", locks = { "traffic/web" } }
local traffic, health = require "traffic", require "health"
on_rollback(function() traffic.switch { to = "blue" } end)
while not pcall(health.check, { env = "green" }) do sleep "5s" end
traffic.switch { to = "green" }
