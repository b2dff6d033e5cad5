return { world = {
  secrets = { registrar = { versions = { "1" } } },
  exec = { commands = { dig = { output = "" } } },
  dns = { records = { { name = "www.example.org", values = { "192.0.2.1" } } } },
} }
