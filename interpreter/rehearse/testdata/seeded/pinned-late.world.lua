return { world = { dns = { records = { { name = "_dnslink.www.example.org", type = "TXT", values = { "dnslink=/ipfs/bafyold" }, ttl = "1m" } } },
  ipfs = { nodes = { builder = { pins = {} }, gateway = { pins = { "bafyold" } } }, files = { ["./public"] = "bafynew" }, content = { bafynew = {}, bafyold = {} } } } }
