-- A rollback is registered before the change that it takes back.
runbook { name = "late-rollback", locks = { "traffic/web" } }
local traffic, notify, health = require "traffic", require "notify", require "health"
on_rollback(function() traffic.switch { to = "blue" } end)
traffic.split { green = 10, blue = 90 }
notify.send { to = "deployments", text = "green takes 10%" }
health.watch { env = "green", during = "1m", slo = { error_rate = "< 1%" } }
