-- People are told that all is well before anybody has looked.
runbook { name = "told-too-soon", locks = { "traffic/web" }, on_failure = "rollback" }
local health, notify, traffic = require "health", require "notify", require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
traffic.switch { to = "green" }
health.check { env = "green" }
notify.send { to = "ops", text = "The switch to green is complete" }
