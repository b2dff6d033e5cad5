-- A table is dropped by mistake, and comes back from a backup: on a copy beside
-- the live data, which is verified before it takes its place. In the lab:
--
--   runbook run examples/lab/runbooks/repair.lua --env sqlite

runbook {
  name       = "repair",
  summary    = "Bring back what was deleted, from a backup, and keep what was live",
  params     = { copy = { type = "string", default = "repaired", doc = "what the restored copy is called" } },
  locks      = { "db/shop" },
  on_failure = "ask",
}

local db = require "db"

step("an ordinary day", function()
  db.exec { sql = "CREATE TABLE orders (item TEXT)" }
  db.exec { sql = "INSERT INTO orders VALUES ('apple'), ('pear')" }
  db.backup {}
end)

step("a mistake", function() db.exec { sql = "DROP TABLE orders" } end)

step("restore", function()
  db.restore { copy = params.copy }
  db.validate { copy = params.copy, checks = { orders = "SELECT count(*) = 2 FROM orders" } }
end)

step("put it in place", function()
  local done = db.swap { copy = params.copy, keep = params.copy .. "-before" }
  log.info { orders = db.query { sql = "SELECT count(*) AS n FROM orders" }.rows[1].n, kept = done.kept }
end)
