return { world = { db = { backups = { { name = "n1", age = "6h" } } }, deploy = { envs = { shop = { version = "v5", state = "active", instances = 4 } } } } }
