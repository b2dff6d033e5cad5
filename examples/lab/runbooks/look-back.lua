-- Rows are deleted by mistake. The database stays as it is while a copy of it, as it
-- was before, is made beside it; what is missing comes from there. In the lab:
--
--   runbook run examples/lab/runbooks/look-back.lua --env mariadb

runbook {
  name       = "look-back",
  summary    = "Bring deleted rows back from a copy of an earlier time",
  params     = { copy = { type = "string", default = "before", doc = "what the copy is called" } },
  locks      = { "db/shop" },
  on_failure = "ask",
}

local db = require "db"

local before
step("an ordinary day", function()
  db.backup {}
  db.exec { sql = "INSERT INTO orders (item) VALUES ('quince')" }
  sleep "2s" -- the log of MariaDB has whole seconds
  before = now()
end)

step("a mistake", function() db.exec { sql = "DELETE FROM orders WHERE item > 'b'" } end)

step("look back", function()
  db.restore { copy = params.copy, time = before }
  db.validate { copy = params.copy, checks = { orders = "SELECT count(*) = 4 FROM orders" } }
end)

step("bring back what is missing", function()
  for _, row in ipairs(db.query { copy = params.copy, sql = "SELECT id, item FROM orders" }.rows) do
    db.exec { sql = "INSERT IGNORE INTO orders (id, item) VALUES (?, ?)", params = { row.id, row.item } }
  end
  log.info { orders = db.query { sql = "SELECT count(*) AS n FROM orders" }.rows[1].n }
end)
