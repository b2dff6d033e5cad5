-- A release is looked at, and activated whenever somebody agrees.
runbook { name = "old-activation", locks = { "deploy/web" }, on_failure = "stop" }
local deploy, health = require "deploy", require "health"
deploy.release { env = "web", version = "v2" }
health.check { env = "web" }
approve { title = "Activate v2?", by = { "lead" } }
deploy.activate { env = "web" }
health.check { env = "web" }
