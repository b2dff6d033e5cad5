return { world = { deploy = { envs = { web = { version = "v1", state = "active" } } } } }
