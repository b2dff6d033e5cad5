-- A share in percent is taken for a number of servers: more are drained than the rest can do without, as on 28 February 2017 (AWS: Summary of the S3 service disruption).
runbook { name = "profile", locks = { "traffic/index" }, on_failure = "rollback" }
local health, traffic = require "health", require "traffic"
local servers, share, chosen = traffic.servers { pool = "index" }.servers, 40, {}
for i = 1, math.min(#servers, math.floor(#servers * share / 100)) do chosen[i] = servers[i].name end
for _, name in ipairs(chosen) do
  on_rollback(function() traffic.ready { pool = "index", server = name } end)
  traffic.drain { pool = "index", server = name }
  health.check { env = "index" }
end
for _, name in ipairs(chosen) do traffic.ready { pool = "index", server = name } end
