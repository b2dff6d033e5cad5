return { answers = { ["Drop the legacy tables?"] = "approve" }, world = { db = { nodes = { a = { primary = true } } } } }
