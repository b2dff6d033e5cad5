return { world = { http = { responses = {
  ["GET https://mq.example.net/api/queues/shop/orders"] = { json = function(_, elapsed) return { name = "orders", messages = math.max(0, 420 - elapsed), consumers = 2 } end },
  ["DELETE https://mq.example.net/api"] = { status = 204 },
} } } }
