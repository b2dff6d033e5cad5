return { world = { dns = { records = { { name = "_dnslink.www.example.org", type = "TXT", values = { "dnslink=/ipfs/bafyold" }, ttl = "15m" } } },
  ipfs = { nodes = { gateway = { pins = { "bafyold" } } }, content = { bafynew = { providers = { "builder" } }, bafyold = { providers = { "builder" } } } } } }
