local edge = { groups = { "edge" }, services = { nginx = "active" } }
return { world = { hosts = { hosts = { e1 = edge, e2 = edge } } } }
