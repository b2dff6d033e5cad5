-- An upgrade that fails on a host ends the run.
runbook { name = "upgrade", summary = "Upgrade web", on_failure = "stop", locks = { "hosts/web" } }
local hosts, health, notify = require "hosts", require "health", require "notify"
for _, host in ipairs(hosts.list { on = { "web" } }.hosts) do
  step("upgrade " .. host.name, function()
    local done = hosts.run { on = { host.name }, argv = { "upgrade" }, partial = true, class = "write", recovery = "retry", timeout = "30m" }
    if done.hosts[host.name].error then fail(host.name .. ": " .. done.hosts[host.name].error) end
    health.check { env = "blue" }
  end)
end
notify.send { to = "deployments", text = "all of web is upgraded" }

