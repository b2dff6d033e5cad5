-- Machines are emptied one after the other, and opened again only once all are done: the last has nowhere to send what it runs.
runbook { name = "upgrade-nodes", locks = { "deploy/cluster" }, on_failure = "stop" }
local deploy, hosts = require "deploy", require "hosts"
for _, name in ipairs { "n1", "n2" } do
  deploy.cordon { node = name }
  deploy.drain { node = name }
  hosts.run { on = { name }, argv = { "upgrade-kubelet" }, class = "write", recovery = "retry" }
end
for _, name in ipairs { "n1", "n2" } do deploy.uncordon { node = name } end
