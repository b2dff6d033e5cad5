-- The wait for the drain is over after ten minutes, whether the server has drained or not.
runbook { name = "wait-runs-out", locks = { "traffic/web" }, on_failure = "stop" }
local exec, health, traffic = require "exec", require "health", require "traffic"
local function sessions()
  for _, s in ipairs(traffic.servers {}.servers) do if s.name == "web1" then return s.sessions end end
end
traffic.drain { server = "web1" }
for n = 1, 60 do
  if sessions() == 0 then break end
  if n == 60 then fail("web1 does not drain") end
  log.info("web1 has sessions")
  sleep "10s"
end
exec.run { argv = { "./patch.sh", "web1" }, class = "write", recovery = "retry", timeout = "30m" }
health.wait { env = "web1" }
traffic.ready { server = "web1" }
