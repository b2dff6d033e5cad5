runbook { name = "ahead-by-luck", on_failure = "rollback", locks = { "traffic/web" } }
local deploy, traffic, notify = require "deploy", require "traffic", require "notify"
parallel {
  release = function() deploy.release { env = "green", version = "v2" } end,
  tell = function() notify.send { to = "ops", text = "v2 is being released" } end,
}
on_rollback(function() traffic.split { blue = 100, green = 0 } end)
traffic.split { blue = 50, green = 50 }
