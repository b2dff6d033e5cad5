return { world = { deploy = { envs = { shop = { version = "v4", serving = "v4", state = "active", instances = 4 } } }, health = { shop = {} } } }
