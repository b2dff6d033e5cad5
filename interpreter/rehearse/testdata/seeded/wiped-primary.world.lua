return { answers = { ["Wipe the replica db2?"] = "approve" }, world = {
  hosts = { hosts = { db1 = { groups = { "db" }, services = { postgresql = "active" } }, db2 = { groups = { "db" }, services = { postgresql = "active" } } } },
  db = { nodes = { db1 = { primary = true }, db2 = { lag = "2s" } } } } }
