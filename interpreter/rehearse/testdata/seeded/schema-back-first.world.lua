return { world = { db = { version = 20, newest = 21 }, deploy = { envs = { app = { version = "v20", state = "active" } } }, health = { app = {} } } }
