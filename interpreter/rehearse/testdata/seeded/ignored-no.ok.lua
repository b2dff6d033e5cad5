-- A no is a no.
runbook { name = "ignored-no", locks = { "traffic/web" } }
local exec, traffic = require "exec", require "traffic"
invariant("blue goes only with a yes", function(world)
  local said = world.people["Take blue away?"]
  return not world.exec.vars.blue_gone or said == "approved", "people said " .. tostring(said)
end)
on_rollback(function() traffic.switch { to = "blue" } end)
traffic.switch { to = "green" }
approve { title = "Take blue away?", timeout = "1h" }
exec.run { argv = { "./decommission.sh", "blue" }, class = "irreversible" }
