return { world = { db = { nodes = { a = { primary = true }, b = { lag = 0.2 } } },
  hosts = { hosts = { ["db-a"] = { services = { postgresql = "active" } }, ["db-b"] = { services = { postgresql = "active" } } } } } }
