return { world = { hosts = { hosts = { r1 = { groups = { "router" } }, r2 = { groups = { "router" } }, r3 = { groups = { "router" } } } } } }
