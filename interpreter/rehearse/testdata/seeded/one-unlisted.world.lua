return { world = { hosts = {
  hosts = { ["r-1"] = { groups = { "router" } }, ["r-2"] = { groups = { "router" } }, ["r-3"] = { groups = { "router" } }, ["r-4"] = { groups = { "router" } } },
  commands = { ["/opt/router/version"] = { stdout = "9\n" } } } } }
