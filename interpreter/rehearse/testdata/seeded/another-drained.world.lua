return { world = {
  deploy = {
    envs = { web = { version = "v1", state = "active", instances = 6 } },
    nodes = { n1 = { runs = { web = 2 } }, n2 = { runs = { web = 2 } }, n3 = { runs = { web = 2 } } },
  },
  hosts = { hosts = { n1 = {}, n2 = {}, n3 = {} } },
} }
