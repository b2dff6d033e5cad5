-- Servers are drained together, to be updated one after the other: the rest of the pool carries everything meanwhile.
runbook { name = "kernel-update", locks = { "traffic/web" }, on_failure = "stop" }
local traffic, exec = require "traffic", require "exec"
for _, name in ipairs { "web1", "web2" } do traffic.drain { server = name } end
for _, name in ipairs { "web1", "web2" } do
  sleep { duration = "1m", reason = "what is under way ends" }
  exec.run { argv = { "./update.sh", name }, class = "write", recovery = "retry" }
  traffic.ready { server = name }
end
