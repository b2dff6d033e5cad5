runbook { name = "bounds", summary = "takes too much for granted", params = { remove = { type = "int", required = true } } }
local deploy, health = require "deploy", require "health"
local seen = health.measure { env = "green" }
if (seen.error_rate or 0) > 1 then fail "it fails" end -- warning: seen\.error_rate is left out where it could not be measured, and counts as 0 here
local slow = seen.p99_latency or 0
if 0.5 < slow then fail "it is slow" end -- warning: seen\.p99_latency is left out
if (seen.throughput or 0) < 100 then fail "nobody comes" end
if (seen.error_rate or 100) > 1 then fail "it fails" end
local there = deploy.status { env = "index" }
deploy.scale { env = "index", instances = there.instances - params.remove } -- warning: as many instances are taken away as params\.remove says, whatever that is; give it a max
