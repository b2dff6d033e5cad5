return { world = { traffic = { weights = { blue = 100, green = 0 } }, deploy = { envs = { blue = { version = "v1" } } } } }
