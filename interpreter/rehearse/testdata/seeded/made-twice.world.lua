return { world = { http = { responses = { ["POST https://shop.example.net/refunds"] = { status = 201, json = { id = "r-1" } } } } } }
