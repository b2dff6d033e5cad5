runbook { name = "to-us", summary = "Serve from us", locks = { "traffic/shop", "db/shop" }, on_failure = "stop" }
local traffic, db, health = require "traffic", require "db", require "health"
approve { title = "serve from us?", by = { "role:sre" }, timeout = "15m" }
step("traffic", function() traffic.switch { to = "us" } end)
step("database", function()
  local lag = db.lag { node = "us" }.replicas.us
  if not lag or lag > 1 then fail "us is behind" end
  db.promote { node = "us" }
end)
health.watch { env = "us", during = "1m", every = "1m", slo = { error_rate = "< 1%" } }
