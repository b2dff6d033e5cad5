return { world = { traffic = { weights = { blue = 100, green = 0 } }, health = { green = { { at = "8m", p99_latency = "2s" } } } } }
