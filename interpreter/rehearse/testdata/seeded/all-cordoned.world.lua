return { world = { deploy = { envs = { web = { version = "v1", state = "active", instances = 4 } }, least = { web = 2 }, nodes = { n1 = { runs = { web = 2 } }, n2 = { runs = { web = 2 } } } },
  hosts = { hosts = { n1 = {}, n2 = {} } } } }
