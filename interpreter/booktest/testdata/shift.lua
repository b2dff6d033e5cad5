runbook { name = "shift", params = { to = { type = "int", default = 50 }, token = { type = "secret" } }, locks = { "traffic/web" } }
local traffic, health = require "traffic", require "health"
local limits = require "lib.limits"

step("ask", function()
  approve { title = "shift?", by = { "alice" } }
end)

step("shift", function()
  on_rollback(function() traffic.switch { to = "blue" } end)
  traffic.split { green = params.to, blue = 100 - params.to }
  health.watch { env = "green", during = "2m", every = "30s", slo = { p99_latency = limits.p99 } }
end)

log.info("shifted to " .. params.to)
if params.to > 90 then
  print "never tested"
end
