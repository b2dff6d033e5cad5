return { world = { deploy = { regions = { eu = { version = "v5", serving = "v4", state = "active" }, us = { version = "v5", serving = "v4", state = "active" } } } } }
