return { world = {
  ipfs = { nodes = { a = { pins = { "bafyold" } } }, content = { bafyold = { blocks = 4 }, bafynew = { blocks = 4 } }, files = { docs = "bafynew" } },
  dns = { records = { { name = "_dnslink.example.org", type = "TXT", values = { "dnslink=/ipfs/bafyold" }, ttl = "5m" } } },
} }
