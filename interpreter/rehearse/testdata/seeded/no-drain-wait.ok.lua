-- A server is rebooted while it still has sessions.
runbook { name = "no-drain-wait", locks = { "traffic/web" }, on_failure = "stop" }
local exec, traffic, health = require "exec", require "traffic", require "health"
traffic.drain { server = "east" }
for n = 1, 30 do
  local left = 0
  for _, s in ipairs(traffic.servers {}.servers) do left = s.name == "east" and s.sessions or left end
  if left == 0 then break end
  if n == 30 then fail("east keeps its sessions") end
  sleep "10s"
end
exec.run { argv = { "ssh", "root@east.example.net", "reboot" }, class = "irreversible" }
health.wait { env = "east" }
traffic.ready { server = "east" }
