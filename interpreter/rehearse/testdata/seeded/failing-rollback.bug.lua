-- A rollback that names a server which does not exist never completes.
runbook { name = "failing-rollback", locks = { "traffic/web" } }
local traffic, health = require "traffic", require "health"
on_rollback(function() traffic.switch { to = "bleu" } end)
traffic.split { green = 10, blue = 90 }
health.watch { env = "green", during = "1m", slo = { error_rate = "< 1%" } }
