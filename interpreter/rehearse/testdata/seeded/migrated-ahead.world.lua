return { world = { db = { version = 40, newest = 42 }, deploy = { envs = { crm = { version = "v11", state = "active" } } }, health = { crm = {} } } }
