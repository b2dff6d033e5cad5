-- Two runs must not move the same traffic at once.
runbook { name = "no-lock", summary = "takes no lock" }
local traffic = require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
traffic.switch { to = "green" }
