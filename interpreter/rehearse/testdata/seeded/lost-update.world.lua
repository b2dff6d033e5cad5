return { world = { dns = { records = { { name = "api.example.net", type = "CNAME", values = { "old.example.com" }, ttl = "5m" } } } } }
