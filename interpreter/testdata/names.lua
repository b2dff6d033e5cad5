return { retry = "r1" }
