-- The region that takes over is looked at once it has all the traffic.
runbook { name = "region-down", locks = { "traffic/regions" }, on_failure = "stop" }
local traffic, health, notify = require "traffic", require "health", require "notify"

if pcall(health.check, { env = "eu", timeout = "1m" }) then return log.info "eu is well; nothing to do" end
step("everything to us", function() traffic.switch { to = "us" } end)
step("is us well", function() health.check { env = "us" } end)
notify.send { to = "ops", text = "us serves everything" }
