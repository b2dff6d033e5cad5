-- v9 does not use orders.legacy_ref any more: release it, and take the column away.
runbook { name = "v9-contract", locks = { "deploy/shop", "db/shop" }, on_failure = "stop" }
local db, deploy, health = require "db", require "deploy", require "health"

step("backup", function() db.backup { type = "full" } end)
step("release", function()
  deploy.release { env = "shop", version = "v9" }
  deploy.activate { env = "shop" }
  health.watch { env = "shop", during = "2m", every = "1m", slo = { error_rate = "< 0.5%" } }
end)
step("column", function() db.exec { sql = "ALTER TABLE orders DROP COLUMN legacy_ref" } end)
