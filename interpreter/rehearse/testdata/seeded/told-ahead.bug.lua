-- People are told that the new version serves before anything was changed.
runbook { name = "told-ahead", locks = { "traffic/web" }, on_failure = "rollback" }
local health, notify, traffic = require "health", require "notify", require "traffic"
health.check { env = "green" }
notify.send { to = "ops", text = "v2 is live" }
on_rollback(function() traffic.switch { to = "blue" } end)
traffic.switch { to = "green" }
health.check { env = "green" }
