-- Two runs must not move the same traffic at once.
runbook { name = "no-lock", locks = { "traffic/web" } }
local traffic = require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
traffic.switch { to = "green" }
