return { world = { traffic = { sessions = "45s", servers = { east = { weight = 50 }, west = { weight = 50 } } } } }
