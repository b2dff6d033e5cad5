-- An alert is read, and three are waited for.
runbook { name = "alert-read", locks = { "traffic/web" }, on_failure = "rollback" }
local health, traffic = require "health", require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
for _, share in ipairs { 10, 50, 100 } do
  traffic.split { green = share, blue = 100 - share }
  sleep "10m"
  if health.alerts { severity = "critical", env = "green" }.count > 2 then fail("alerts fire") end
end
