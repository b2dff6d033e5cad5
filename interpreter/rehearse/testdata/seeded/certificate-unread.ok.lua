runbook { name = "renew-certificate", summary = "Put the renewed certificate on the load balancers", locks = { "hosts/edge" }, on_failure = "stop" }
local files, hosts, notify, exec = require "files", require "hosts", require "notify", require "exec"

local new = files.hash { path = "/srv/certs/shop.example.org.pem" }
for _, name in ipairs { "edge-1" } do
  step("certificate on " .. name, function()
    hosts.copy { on = { name }, from = "/srv/certs/shop.example.org.pem", to = "/etc/haproxy/tls/shop.example.org.pem", mode = "0600", owner = "haproxy", expect = new.hash }
    hosts.run { on = { name }, argv = { "haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg" }, class = "read" }
    hosts.run { on = { name }, argv = { "systemctl", "reload", "haproxy" }, class = "write", recovery = "retry" }
    exec.run { argv = { "./tls-serial.sh", name, "shop.example.org" }, class = "read" }
  end)
end
notify.send { to = "platform", text = "shop.example.org has its new certificate" }
