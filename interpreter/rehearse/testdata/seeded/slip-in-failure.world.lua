return { world = { hosts = { hosts = { s1 = { groups = { "search" } }, s2 = { groups = { "search" } } } } } }
