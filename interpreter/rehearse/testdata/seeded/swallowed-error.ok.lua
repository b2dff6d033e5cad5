-- Blue may be taken away only after the traffic has left it.
runbook { name = "swallowed-error", locks = { "traffic/web" } }
local traffic, exec = require "traffic", require "exec"
on_rollback(function() traffic.switch { to = "blue" } end)
invariant("no traffic goes to what was taken away", function(world)
  return not (world.exec.vars.blue_gone and world.traffic.weights.blue > 0)
end)
traffic.switch { to = "green" }
exec.run { argv = { "./decommission.sh", "blue" }, class = "irreversible" }
