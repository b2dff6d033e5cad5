-- A version serves before the schema that it needs is there.
runbook { name = "release-v8", locks = { "deploy/api", "db/main" }, on_failure = "stop" }
local deploy, db, health = require "deploy", require "db", require "health"
deploy.release { env = "api", version = "v8" }
deploy.activate { env = "api" }
db.migrate { to = 8 }
health.check { env = "api" }
