-- The first migration names no version, and runs the one that drops the old column as well, with the old version in service.
runbook { name = "rename-email", locks = { "db/crm", "deploy/crm" }, on_failure = "stop" }
local db, deploy, health = require "db", require "deploy", require "health"
db.migrate {}
deploy.release { env = "crm", version = "v12" }
deploy.activate { env = "crm" }
health.wait { env = "crm" }
db.migrate { to = 42 }
