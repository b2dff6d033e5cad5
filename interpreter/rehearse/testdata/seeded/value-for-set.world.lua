return { world = { dns = { records = { { name = "example.net", type = "NS", values = { "ns1.example.net.", "ns2.example.net." }, ttl = 600 } } } } }
