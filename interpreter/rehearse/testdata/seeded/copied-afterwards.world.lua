return { world = { db = { version = 7, newest = 8, nodes = { a = { primary = true } }, takes = { backup = "20m", migrate = "5m" } } } }
