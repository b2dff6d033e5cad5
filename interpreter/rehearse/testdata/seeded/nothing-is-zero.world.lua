return { world = {
  http = { responses = { ["GET https://quota.example.org/services/accounts"] = { json = { limit = 5000 } } } },
  health = { accounts = { throughput = 2000, error_rate = "0%" } },
} }
