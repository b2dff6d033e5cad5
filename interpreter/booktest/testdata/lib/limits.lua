return { p99 = "< 200ms" }
