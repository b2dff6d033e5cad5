return { world = { secrets = { ["api/key"] = { versions = { "3" } } },
  hosts = { hosts = { api1 = { groups = { "api" }, services = { api = "active" } }, api2 = { groups = { "api" }, services = { api = "active" } } } } } }
