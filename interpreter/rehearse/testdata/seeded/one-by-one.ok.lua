-- Each server is patched, and none gets its traffic back before the next one goes.
runbook { name = "one-by-one", locks = { "traffic/web" }, on_failure = "stop" }
local exec, health, traffic = require "exec", require "health", require "traffic"
for _, server in ipairs { "web1", "web2" } do
  traffic.drain { server = server }
  exec.run { argv = { "ssh", server, "systemctl", "restart", "nginx" }, class = "write", recovery = "retry" }
  health.check { env = server }
  traffic.ready { server = server }
end
