-- A no is a no.
runbook { name = "ignored-no", locks = { "traffic/web" } }
local exec = require "exec"
invariant("blue goes only with a yes", function(world)
  local said = world.people["Take blue away?"]
  return not world.exec.vars.blue_gone or said == "approved", "people said " .. tostring(said)
end)
pcall(approve, { title = "Take blue away?", timeout = "1h" })
exec.run { argv = { "./decommission.sh", "blue" }, class = "irreversible" }
