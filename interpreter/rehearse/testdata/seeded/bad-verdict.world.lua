return { world = { http = { responses = { ["GET https://backups.example.net/v1/full-9/verify"] = { json = { valid = false } } } } } }
