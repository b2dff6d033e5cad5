-- Content is dropped while resolvers still lead to it.
runbook { name = "new-site", locks = { "dns/example.org" }, on_failure = "stop" }
local ipfs, dns = require "ipfs", require "dns"
ipfs.pin { cid = "bafynew", node = "gateway" }
dns.replace { name = "_dnslink.www.example.org", type = "TXT", from = { "dnslink=/ipfs/bafyold" }, to = { "dnslink=/ipfs/bafynew" } }
sleep { duration = "20m", reason = "resolvers forget the old content" }
ipfs.unpin { cid = "bafyold", node = "gateway" }
