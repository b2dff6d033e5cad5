return { world = { traffic = { weights = { old = 80, new = 20 } } } }
