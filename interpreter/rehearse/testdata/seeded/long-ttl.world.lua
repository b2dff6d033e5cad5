return { world = { dns = { records = { { name = "www.example.net", type = "A", values = { "192.0.2.1" }, ttl = "1d" } } } } }
