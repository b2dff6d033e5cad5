-- A lag that nobody tells is taken for none.
runbook { name = "failover", locks = { "db/orders" }, on_failure = "stop" }
local db = require "db"
local lag = db.lag { node = "b" }.lag
if lag == nil then fail { message = "nobody knows how far b is behind", hint = "look at b before it is promoted" } end
if lag > 1 then fail("b is " .. lag .. "s behind") end
db.promote { node = "b" }
