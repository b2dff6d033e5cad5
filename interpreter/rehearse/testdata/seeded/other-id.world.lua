return { world = { http = { responses = { ["GET https://admin.example.net/v2/entities/"] = { json = { kind = "app" } } } } } }
