-- What a measurement says decides nothing.
runbook { name = "unseen-errors", locks = { "deploy/api" }, on_failure = "rollback" }
local deploy, health = require "deploy", require "health"
on_rollback(function() deploy.release { env = "api", version = "v1" } deploy.activate { env = "api" } end)
deploy.release { env = "api", version = "v2" }
deploy.activate { env = "api" }
if (health.measure { env = "api" }.error_rate or 100) > 1 then fail("v2 has errors") end
