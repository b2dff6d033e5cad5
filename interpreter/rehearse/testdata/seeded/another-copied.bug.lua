-- The backup before a migration is of the configured database, and the migration of another one.
runbook { name = "migrate-orders", locks = { "db/orders" }, on_failure = "stop" }
local db = require "db"
db.backup {}
approve { title = "migrate orders?", detail = "there is a backup" }
db.migrate { db = "orders", to = 31 }
