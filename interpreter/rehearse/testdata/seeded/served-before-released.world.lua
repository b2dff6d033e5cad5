return { world = { traffic = { weights = { blue = 100, canary = 0 } }, deploy = { envs = { blue = { version = "v1", state = "active" } } } } }
