-- The rollback has to work at every share.
runbook { name = "forgotten-rollback", locks = { "traffic/web" } }
local traffic, health = require "traffic", require "health"
local share = 0
on_rollback(function() traffic.switch { to = "blue" } end)
for _, s in ipairs { 10, 50, 100 } do
  share = s
  traffic.split { green = s, blue = 100 - s }
  health.watch { env = "green", during = "1m", slo = { error_rate = "< 1%" } }
end
