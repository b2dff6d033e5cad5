return { world = { secrets = { root = { versions = { "1" } } } } }
