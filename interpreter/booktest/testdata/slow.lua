return {
  start = "2026-11-23 14:00",
  world = {
    traffic = { weights = { blue = 100, green = 0 } },
    health  = { green = { p99_latency = function(world) return world.traffic.weights.green >= 50 and 0.3 or 0.01 end } },
  },
  answers = { ["shift?"] = { answer = "approve", after = "10m", by = { "alice" } } },
}
