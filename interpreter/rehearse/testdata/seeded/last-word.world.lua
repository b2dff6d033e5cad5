return { world = { deploy = { envs = { api = { version = "v1", state = "active" } } } } }
