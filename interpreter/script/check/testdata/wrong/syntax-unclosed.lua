runbook { name = "x" }
print("hello -- error: unterminated string
