return { world = {
  db = { nodes = { a = { primary = true }, c = { lag = "1s" } } },
  hosts = { hosts = { a = { services = { postgresql = "active" } }, c = { services = { postgresql = "inactive" } } }, commands = { pg_basebackup = { takes = "2h" } } },
} }
