return { world = { secrets = { ["api-key"] = { versions = { "1" } } }, exec = { commands = { ["./hand-over.sh api-key"] = { sets = { ["api-key"] = "new" } } } } } }
