runbook { name = "patch-caches", summary = "A new memcached on all cache nodes", locks = { "hosts/cache" }, on_failure = "stop" }
local hosts, notify, health = require "hosts", require "notify", require "health"

for _, host in ipairs(hosts.list { on = { "cache" } }.hosts) do
  step("memcached on " .. host.name, function()
    hosts.run { on = { host.name }, argv = { "apt-get", "install", "-y", "memcached=1.6.23-1" }, class = "write", recovery = "retry" }
    hosts.service { on = { host.name }, name = "memcached", action = "restart" }
    health.watch { env = "shop-db", during = "1m", every = "1m", slo = { p99_latency = "< 50ms", hit_rate = "> 90" } }
  end)
end
notify.send { to = "platform", text = "all caches are patched" }
