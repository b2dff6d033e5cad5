runbook { name = "bounds", summary = "takes nothing for granted",
  params = { remove = { type = "int", default = 1, max = 2 }, add = { type = "int", default = 1 }, spare = { type = "int", default = 1 } } }
local deploy, health = require "deploy", require "health"
local seen = health.measure { env = "green" }
if seen.no_data then log.warn "some is missing" end
if (seen.error_rate or 0) > 1000 then fail "it fails" end
local there = deploy.status { env = "index" }
local running = there.instances or 10
deploy.scale { env = "index", instances = math.max(0, running - params.remove) }
deploy.scale { env = "index", instances = running + params.add }
local fewer = running - params.spare
if fewer < 0 then fewer = 0 end
deploy.scale { env = "index", instances = fewer }
