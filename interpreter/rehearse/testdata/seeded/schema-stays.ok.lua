-- A version is rolled back that cannot read the schema which stays: contract last.
runbook { name = "schema-stays", locks = { "db/orders", "deploy/api" }, on_failure = "rollback" }
local db, deploy, health = require "db", require "deploy", require "health"
on_rollback(function() deploy.release { env = "api", version = "v4" } deploy.activate { env = "api" } end)
local function release()
  deploy.release { env = "api", version = "v5" }
  deploy.activate { env = "api" }
  health.check { env = "api" }
end
release()
db.migrate { to = 21 }
