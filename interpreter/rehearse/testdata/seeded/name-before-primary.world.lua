return { world = {
  dns = { records = { { name = "app.example.net", type = "A", values = { "192.0.2.10" }, ttl = "1m" } } },
  db = { nodes = { north = { primary = true, up = false }, south = { lag = "0s" } } },
} }
