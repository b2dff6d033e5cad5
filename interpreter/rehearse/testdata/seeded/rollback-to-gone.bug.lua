-- What a rollback leads back to is taken away before it is certain that none comes.
runbook { name = "rollback-to-gone", locks = { "traffic/web", "deploy/web" }, on_failure = "rollback" }
local deploy, health, traffic = require "deploy", require "health", require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
traffic.switch { to = "green" }
deploy.decommission { env = "blue" }
health.watch { env = "green", during = "2m", slo = { error_rate = "< 1%" } }
