runbook { name = "renew-certificate", summary = "Put the renewed certificate on the load balancers", locks = { "hosts/edge" }, on_failure = "stop" }
local files, hosts, notify = require "files", require "hosts", require "notify"

local new = files.hash { path = "/srv/certs/shop.example.org.pem" }
for _, name in ipairs { "edge-1" } do
  step("certificate on " .. name, function()
    hosts.copy { on = { name }, from = "/srv/certs/shop.example.org.pem", to = "/etc/haproxy/tls/shop.example.org.pem", mode = "0600", owner = "haproxy", expect = new.hash }
    local there = hosts.read { on = { name }, path = "/etc/haproxy/tls/shop.example.org.pem" }
    if there.hosts[name].sha256 ~= new.hash then fail("another certificate on " .. name) end
  end)
end
notify.send { to = "platform", text = "shop.example.org has its new certificate" }
