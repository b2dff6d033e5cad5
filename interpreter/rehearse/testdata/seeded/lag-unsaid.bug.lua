-- A lag that nobody tells is taken for none.
runbook { name = "failover", locks = { "db/orders" }, on_failure = "stop" }
local db = require "db"
local lag = db.lag { node = "b" }.lag or 0
if lag > 1 then fail("b is " .. lag .. "s behind") end
db.promote { node = "b" }
