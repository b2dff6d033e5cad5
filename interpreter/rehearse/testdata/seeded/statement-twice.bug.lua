-- A statement that adds is called one that may run twice.
runbook { name = "credit-customers", locks = { "db/billing" }, on_failure = "stop" }
local db = require "db"

local hit = db.query { sql = "SELECT id FROM customers WHERE region = 'eu'" }
if hit.truncated then fail("more customers than expected") end
for _, row in ipairs(hit.rows) do
  db.exec {
    sql = "UPDATE accounts SET credit = credit + 10 WHERE customer = $1", params = { row.id },
    recovery = "retry",
  }
end
