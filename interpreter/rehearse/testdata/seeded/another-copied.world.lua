return { world = { db = { databases = { orders = { version = 30, newest = 31 } } } } }
