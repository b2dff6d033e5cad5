-- In a rollback the schema goes back before the traffic has left the version that needs it.
runbook { name = "release", locks = { "deploy/shop", "traffic/shop", "db/shop" }, on_failure = "rollback" }
local db, deploy, health, traffic = require "db", require "deploy", require "health", require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
on_rollback(function() db.migrate { to = 1 } end)
db.migrate { to = 2 }
deploy.release { env = "green", version = "v2" }
deploy.activate { env = "green" }
health.check { env = "green" }
traffic.split { green = 50, blue = 50 }
health.watch { env = "green", during = "2m", every = "1m", slo = { error_rate = "< 1%" } }
traffic.switch { to = "green" }
