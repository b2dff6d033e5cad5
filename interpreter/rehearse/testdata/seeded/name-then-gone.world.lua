return { world = {
  dns = { records = { { name = "www.example.net", type = "A", values = { "192.0.2.1" }, ttl = "5m" } } },
  deploy = { envs = { old = { version = "v1", state = "active" }, new = { version = "v2", state = "active" } } },
} }
