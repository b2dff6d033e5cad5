-- A release begins to fail when its caches are full, after nine minutes.
runbook { name = "release-unwatched", locks = { "deploy/api" }, on_failure = "rollback" }
local deploy, health = require "deploy", require "health"
on_rollback(function() deploy.release { env = "api", version = "v1" } deploy.activate { env = "api" } end)
deploy.release { env = "api", version = "v2" }
deploy.activate { env = "api" }
health.watch { env = "api", during = "2m", every = "1m", slo = { error_rate = "< 1%" } }
