runbook { name = "deploy-without-lock", on_failure = "rollback", locks = { "deploy/web" } }
local deploy, health = require "deploy", require "health"
local was = deploy.status { env = "web" }.version
on_rollback(function() deploy.release { env = "web", version = was } deploy.activate { env = "web" } end)
deploy.release { env = "web", version = "v2" }
deploy.activate { env = "web" }
health.check { env = "web" }
