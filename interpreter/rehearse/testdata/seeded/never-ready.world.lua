return { world = { traffic = { weights = { web1 = 50, web2 = 50 } } } }
