-- The gate before the switch looks at the environment that serves already.
runbook { name = "blue-green", locks = { "traffic/web", "deploy/green" }, on_failure = "rollback" }
local deploy, health, traffic = require "deploy", require "health", require "traffic"
step("release to green", function()
  deploy.release { env = "green", version = "v8" }
  deploy.activate { env = "green" }
end)
step("green is healthy", function() health.check { env = "green", timeout = "5m" } end)
on_rollback("blue serves", function() traffic.switch { to = "blue" } end)
step("switch", function() traffic.switch { to = "green" } end)
step("watch", function() health.watch { env = "green", during = "1m", every = "1m", slo = { error_rate = "< 1%" } } end)
