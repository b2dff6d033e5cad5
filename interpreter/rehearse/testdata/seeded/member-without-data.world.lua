return { world = {
  db = { nodes = { a = { primary = true }, b = { lag = "0s" }, c = { lag = function(world, elapsed) return elapsed > 5400 and 1 or 2400 end } } },
  traffic = { pools = { readers = { servers = { b = { weight = 50 }, c = { weight = 50, status = "drain" } } } } },
  hosts = { commands = { ["/usr/local/sbin/new-replica"] = { takes = "50m" } }, hosts = { c = { services = { postgresql = "inactive" } } } },
  health = { readers = { error_rate = "0%", p99_latency = "12ms" } },
} }
