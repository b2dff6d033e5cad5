return { world = { hosts = { hosts = { w1 = { groups = { "web" }, services = { puppet = "active", app = "active" } } } } } }
