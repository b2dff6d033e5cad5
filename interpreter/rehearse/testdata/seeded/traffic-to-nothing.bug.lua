-- Traffic goes to an environment in which nothing runs.
runbook { name = "traffic-to-nothing", locks = { "traffic/web" }, on_failure = "rollback" }
local deploy, traffic = require "deploy", require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
traffic.switch { to = "green" }
deploy.release { env = "green", version = "v2" }
