return { world = { dns = { records = { { name = "example.org", type = "MX", values = { "10 mx-old.example.org." }, ttl = "5m" } } } } }
