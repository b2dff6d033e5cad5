-- The backup comes after the migration: what it was is in none.
runbook { name = "copied-afterwards", locks = { "db/orders" }, on_failure = "stop" }
local db, notify = require "db", require "notify"
step("backup", function() db.backup { type = "full" } end)
step("migrate", function() db.migrate { to = 8 } end)
step("validate", function() db.validate {} end)
notify.send { to = "ops", text = "orders is at schema 8" }
