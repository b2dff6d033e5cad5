return { world = { secrets = { ["payments/key"] = { versions = { "1" } } }, health = { payments = {} },
  hosts = { hosts = { ["pay-1"] = { services = { payments = "active" } } } } } }
