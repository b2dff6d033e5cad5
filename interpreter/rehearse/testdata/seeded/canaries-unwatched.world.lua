return { world = {
  hosts = { hosts = { c1 = { groups = { "sensor", "canary" } }, c2 = { groups = { "sensor", "canary" } }, s1 = { groups = { "sensor" } }, s2 = { groups = { "sensor" } } } },
  health = { canaries = { error_rate = "0%" }, fleet = { error_rate = "0%" } },
} }
