runbook { name = "swap-charges-index", summary = "Give charges a narrower index", locks = { "db/payments" }, on_failure = "stop" }
local db, health, notify = require "db", require "health", require "notify"

step("the index to be", function()
  db.exec { sql = "CREATE INDEX CONCURRENTLY charges_merchant_open_idx ON charges (merchant, created) WHERE state = 'open'", timeout = "3h", recovery = "ask" }
end)
step("requests are as fast as before", function()
  health.watch { env = "api", during = "2m", every = "1m", slo = { p99_latency = "< 300ms", error_rate = "< 0.5%" } }
end)
step("the index that was", function()
  db.exec { sql = "DROP INDEX CONCURRENTLY charges_merchant_created_idx", recovery = "ask" }
end)
step("requests are still as fast", function()
  health.watch { env = "api", during = "2m", every = "1m", slo = { p99_latency = "< 300ms", error_rate = "< 0.5%" } }
end)
notify.send { to = "databases", text = "charges has its new index" }
