-- The release is quicker than ten minutes on every day but one.
runbook { name = "ahead-by-luck", on_failure = "rollback", locks = { "traffic/web" } }
local deploy, traffic = require "deploy", require "traffic"
on_rollback(function() traffic.split { blue = 100, green = 0 } end)
parallel {
  release = function() deploy.release { env = "green", version = "v2" } end,
  shift = function()
    sleep "10m"
    traffic.split { blue = 50, green = 50 }
  end,
}
