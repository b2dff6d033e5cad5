return { world = { secrets = { ["backup/key"] = { versions = { "1" } } } } }
