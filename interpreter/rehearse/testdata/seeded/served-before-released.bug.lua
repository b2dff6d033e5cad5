-- Traffic goes to an environment that is made only afterwards.
runbook { name = "served-before-released", locks = { "traffic/web" }, on_failure = "rollback" }
local deploy, traffic = require "deploy", require "traffic"
on_rollback(function() traffic.split { blue = 100, canary = 0 } end)
traffic.split { blue = 95, canary = 5 }
deploy.release { env = "canary", version = "v2" }
