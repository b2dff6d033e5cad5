return { world = { health = { refunds = { error_rate = 0.1 } } } }
