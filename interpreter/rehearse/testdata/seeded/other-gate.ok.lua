-- The gate watches what loses the traffic.
runbook { name = "other-gate", locks = { "traffic/web" }, on_failure = "rollback" }
local health, traffic = require "health", require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
for _, share in ipairs { 10, 100 } do
  traffic.split { green = share, blue = 100 - share }
  health.watch { env = "green", during = "2m", slo = { error_rate = "< 1%" } }
end
