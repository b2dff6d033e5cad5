runbook { name = "load-test", summary = "See whether the new version stands the peak", locks = { "deploy/shop" }, on_failure = "stop" }
local deploy, health = require "deploy", require "health"
deploy.release { env = "green", version = "v2" }
local r = health.load { env = "blue", rate = 5000, during = "10m" }
if not r.p99_latency or r.p99_latency > 0.5 then fail "it is slow under load" end
