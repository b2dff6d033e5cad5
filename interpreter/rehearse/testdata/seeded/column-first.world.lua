return { world = { deploy = { envs = { shop = { version = "v8", state = "active", instances = 6 } } }, db = { nodes = { a = { primary = true } } } } }
