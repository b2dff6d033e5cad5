return { world = { db = { version = 16, newest = 18, statements = { ["INSERT INTO addresses"] = { rows = 100 } } } } }
