return { world = {
  hosts = { hosts = { w1 = { groups = { "web" } }, w2 = { groups = { "web" } }, w3 = { groups = { "web" } } }, commands = { ["cat /opt/app/version"] = { stdout = "v2\n" } } },
  dns = { records = { { name = "app.example.org", type = "A", values = { "192.0.2.1" }, ttl = "1m" } } },
} }
