-- The last word to people comes before the last look, and a rollback says none.
runbook { name = "last-word", locks = { "deploy/api" }, on_failure = "rollback" }
local deploy, health, notify = require "deploy", require "health", require "notify"
on_rollback("v1", function()
  deploy.release { env = "api", version = "v1" }
  deploy.activate { env = "api" }
end)
deploy.release { env = "api", version = "v2" }
deploy.activate { env = "api" }
notify.send { to = "ops", text = "everybody gets v2 of the api" }
health.watch { env = "api", during = "10m", every = "1m", slo = { error_rate = "< 1%" } }
