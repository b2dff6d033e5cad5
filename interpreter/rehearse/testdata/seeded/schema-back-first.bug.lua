-- A rollback takes the schema back while the version that needs it still serves: what was registered last comes first.
runbook { name = "release-v21", locks = { "db/app", "deploy/app" }, on_failure = "rollback" }
local db, deploy, health = require "db", require "deploy", require "health"
local function schema_back() db.migrate { to = 20 } end
local function release(version)
  deploy.release { env = "app", version = version }
  deploy.activate { env = "app" }
  health.wait { env = "app" }
end
on_rollback("the release", function() release "v20" end)
on_rollback("the schema", schema_back)
db.migrate { to = 21 }
release "v21"
