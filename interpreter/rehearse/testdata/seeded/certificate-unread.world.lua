return { world = {
  files = { ["/srv/certs/shop.example.org.pem"] = { text = "new" } },
  hosts = { hosts = {
    ["edge-1"] = { services = { haproxy = "active" }, files = { ["/etc/haproxy/tls/shop.example.org.pem"] = "old", ["/etc/haproxy/haproxy.cfg"] = "cfg" } },
    ["edge-2"] = { services = { haproxy = "active" }, files = { ["/etc/haproxy/tls/shop.example.org.pem"] = "old", ["/etc/haproxy/haproxy.cfg"] = "cfg" } } } },
} }
