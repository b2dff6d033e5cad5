return { world = {
  traffic = { weights = { eu = 100, us = 0 } },
  health = { eu = { healthy = false, error_rate = 100 } },
} }
