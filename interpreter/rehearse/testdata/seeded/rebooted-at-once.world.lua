return { world = { hosts = { hosts = { c1 = { groups = { "cn" } }, c2 = { groups = { "cn" } }, c3 = { groups = { "cn" } } } } } }
