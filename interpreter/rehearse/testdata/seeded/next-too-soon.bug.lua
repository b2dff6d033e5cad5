-- Members that agree among themselves are restarted one straight after the other.
runbook { name = "restart-etcd", locks = { "hosts/etcd" }, on_failure = "stop" }
local hosts, health = require "hosts", require "health"
for _, name in ipairs { "etcd1", "etcd2" } do
  hosts.service { on = { name }, name = "etcd", action = "restart" }
end
