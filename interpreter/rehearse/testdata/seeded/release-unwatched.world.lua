return { world = { deploy = { envs = { api = { version = "v1", state = "active" } } }, health = { api = { { at = "9m", error_rate = "8%" } } } } }
