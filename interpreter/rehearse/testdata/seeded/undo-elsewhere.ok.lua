-- A configuration, tried on each host before it is used; a look belongs to the way back.
runbook { name = "edge", locks = { "traffic/edge", "hosts/edge" }, on_failure = "rollback" }
local health, hosts, traffic = require "health", require "hosts", require "traffic"
local path, staged, new = "/etc/nginx/edge.conf", "/etc/nginx/edge.conf.next", "worker_processes 4;\n"
local function reload(host) hosts.run { on = { host }, argv = { "nginx", "-s", "reload" }, class = "write", recovery = "retry" } end
for _, host in ipairs { "e1" } do
  health.check { env = host }
  local before = hosts.read { on = { host }, path = path }.hosts[host]
  hosts.copy { on = { host }, text = new, to = staged }
  hosts.run { on = { host }, argv = { "nginx", "-t", "-c", staged }, class = "read" }
  traffic.drain { pool = "edge", server = host, undo = function() traffic.ready { pool = "edge", server = host } end }
  hosts.copy { on = { host }, text = new, to = path, undo = function()
    hosts.copy { on = { host }, text = before.text, to = path }
    reload(host)
    health.check { env = host, timeout = "1m" }
  end }
  reload(host)
  health.check { env = host, timeout = "1m" }
  traffic.ready { pool = "edge", server = host }
  health.watch { env = host, during = "2m", every = "30s", slo = { error_rate = "< 1%" } }
end
