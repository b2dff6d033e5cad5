return { world = { traffic = { servers = { web1 = { weight = 50 }, web2 = { weight = 50 } }, sessions = "2m" } } }
