-- A script of the team's own moves the traffic, and says so; a failure leaves it there.
runbook { name = "declared-shift", locks = { "traffic/web" }, on_failure = "rollback" }
local exec, health = require "exec", require "health"
local function shift(to, from)
  exec.run { argv = { "./shift.sh", to }, class = "write", recovery = "retry",
    effects = { "traffic.weights." .. to .. " = 100", "traffic.weights." .. from .. " = 0" } }
end
shift("green", "blue")
health.check { env = "green" }
