runbook { name = "results", summary = "looks at what ops return" }
local health, traffic = require "health", require "traffic"
local seen = health.measure { env = "green" }
if seen.p99_latency == nil or seen.p99_latency > 0.5 or seen.error_rate > 1 then fail "it is slow" end
seen.note = "fine"
log.info(seen.note)
local own = traffic.weights {}
own = { weights = {}, mine = own }
log.info(tostring(own.mine ~= nil))
local exec = require "exec"
local function earlier(a) return a ~= nil and exec.run { argv = { "date" }, class = "read" }.stdout < "b" end
log.info(tostring(earlier(nil)))
for name, value in pairs(seen) do log.info(name .. " " .. tostring(value)) end
