return { world = { dns = { records = { { name = "eu.example.net", values = { "192.0.2.1" }, ttl = "1m" }, { name = "us.example.net", values = { "192.0.2.1" }, ttl = "1m" } } } } }
