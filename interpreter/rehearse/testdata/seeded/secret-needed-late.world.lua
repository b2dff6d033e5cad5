return { world = { secrets = { ["app/token"] = { versions = { "1" } } }, deploy = { envs = { web = { version = "v1", state = "active" } } } } }
