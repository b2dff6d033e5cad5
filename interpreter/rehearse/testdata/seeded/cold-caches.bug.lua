runbook { name = "patch-caches", summary = "A new memcached on all cache nodes", locks = { "hosts/cache" }, on_failure = "stop" }
local hosts, notify = require "hosts", require "notify"

for _, host in ipairs(hosts.list { on = { "cache" } }.hosts) do
  step("memcached on " .. host.name, function()
    hosts.run { on = { host.name }, argv = { "apt-get", "install", "-y", "memcached=1.6.23-1" }, class = "write", recovery = "retry" }
    hosts.service { on = { host.name }, name = "memcached", action = "restart" }
  end)
end
notify.send { to = "platform", text = "all caches are patched" }
