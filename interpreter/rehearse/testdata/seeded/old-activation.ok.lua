runbook { name = "old-activation", locks = { "deploy/web" }, on_failure = "rollback" }
local deploy, health = require "deploy", require "health"
on_rollback(function() deploy.release { env = "web", version = "v1" } deploy.activate { env = "web" } end)
deploy.release { env = "web", version = "v2" }
approve { title = "Activate v2?", by = { "lead" } }
health.check { env = "web" }
deploy.activate { env = "web" }
health.check { env = "web" }
