return { world = {
  db = { nodes = { a = { primary = true } },
    statements = { ["CREATE INDEX"] = { takes = "95m" }, ["DROP INDEX"] = { takes = "2s" } } },
  health = { api = { p99_latency = "120ms", error_rate = "0.1%" } },
} }
