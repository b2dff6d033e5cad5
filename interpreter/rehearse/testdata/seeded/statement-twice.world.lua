return { world = { db = {
  nodes = { a = { primary = true } },
  statements = {
    ["SELECT id FROM customers"] = { rows = { { id = 1 }, { id = 2 }, { id = 3 } } },
    ["UPDATE accounts"] = { rows = 1 },
  },
} } }
