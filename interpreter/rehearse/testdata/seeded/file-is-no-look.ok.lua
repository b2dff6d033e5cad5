-- What is read between two restarts is a file: it says nothing of the member before.
runbook { name = "kafka-heap", locks = { "hosts/kafka" }, on_failure = "stop" }
local hosts, health = require "hosts", require "health"
for _, h in ipairs(hosts.list { on = { "brokers" } }.hosts) do
  step("restart " .. h.name, function()
    local before = hosts.read { on = { h.name }, path = "/etc/kafka/heap" }.hosts[h.name].text
    if before == "4g\n" then return end
    hosts.copy { on = { h.name }, to = "/etc/kafka/heap", text = "4g\n" }
    hosts.service { on = { h.name }, name = "kafka", action = "restart" }
    health.check { env = h.name }
  end)
end
