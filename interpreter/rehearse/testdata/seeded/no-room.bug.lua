-- All traffic goes to a region that has no room for it yet.
runbook { name = "no-room", locks = { "traffic/edge" }, on_failure = "rollback" }
local exec, health, traffic = require "exec", require "health", require "traffic"
on_rollback(function() traffic.split { east = 50, west = 50 } end)
local function grow() exec.run { argv = { "./scale.sh", "west", "40" }, class = "write", recovery = "retry" } end
local function evacuate() traffic.split { east = 0, west = 100 } end
local function look() health.watch { env = "west", during = "2m", slo = { error_rate = "< 1%" } } end
evacuate()
grow()
look()
