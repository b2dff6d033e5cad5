-- What was not measured is not healthy.
runbook { name = "gate-without-data", locks = { "traffic/web" } }
local traffic, health = require "traffic", require "health"
on_rollback(function() traffic.switch { to = "blue" } end)
for _, s in ipairs { 10, 100 } do
  local m = health.measure { env = "green" }
  if (m.error_rate or 0) > 1 then fail "green is not healthy" end
  traffic.split { green = s, blue = 100 - s }
end
