-- The last gate looks at what takes no traffic any more.
runbook { name = "bake-and-return", locks = { "traffic/web" }, on_failure = "rollback" }
local traffic, health = require "traffic", require "health"

on_rollback("as it was", function() traffic.split { old = 80, new = 20 } end)
traffic.split { old = 50, new = 50 }
health.watch { env = "new", during = "1h", every = "5m", slo = { error_rate = "< 1%" } }
traffic.split { new = 100 }
health.watch { env = "new", during = "1h", every = "5m", slo = { error_rate = "< 1%" } }
