return { world = { dns = { records = { { name = "mail.example.org", values = { "192.0.2.5" }, ttl = "5m" } } } } }
