return { world = { hosts = { hosts = { db1 = { groups = { "db" }, services = { postgresql = "active" } }, db2 = { groups = { "db" }, services = { postgresql = "active" } } } } } }
