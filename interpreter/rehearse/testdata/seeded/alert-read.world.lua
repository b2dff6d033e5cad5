return { world = { traffic = { weights = { blue = 100, green = 0 } },
  health = { alerts = { { name = "HighErrors", severity = "critical", env = "green", from = "12m" } } } } }
