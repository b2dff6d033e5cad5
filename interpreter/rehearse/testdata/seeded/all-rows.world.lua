return { world = { db = { nodes = { a = { primary = true } },
  statements = { ["SELECT count(*) AS n FROM profiles"] = { rows = { { n = 12 } } },
    ["UPDATE profiles"] = { rows = 12 } } } } }
