return { world = {
  hosts = { hosts = {
    c1 = { groups = { "cache" }, services = { memcached = "active" } }, c2 = { groups = { "cache" }, services = { memcached = "active" } } } },
  health = { ["shop-db"] = { p99_latency = "8ms", metrics = { hit_rate = 97 } } },
} }
