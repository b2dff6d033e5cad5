return { world = {
  traffic = { weights = { us = 30, eu = 70 } },
  deploy = { regions = { us = { version = "v8", state = "active", instances = 8 }, eu = { version = "v8", state = "active", instances = 20 } } },
} }
