return { world = { notify = { answers = { dba = { never = true }, manager = { after = "2m" } } } } }
