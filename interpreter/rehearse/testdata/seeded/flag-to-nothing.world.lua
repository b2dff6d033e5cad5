return { world = { http = { responses = { ["GET https://flags.example.org/api/flags/ranking"] = { json = { percent = 20 } } } } } }
