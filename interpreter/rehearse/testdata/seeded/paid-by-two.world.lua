return { world = { http = { responses = {
  ["GET https://pay.example.net/due"] = { json = { { id = "p-1", cents = 100 }, { id = "p-2", cents = 250 } } },
  ["POST https://pay.example.net/payouts"] = { status = 201 },
} } } }
