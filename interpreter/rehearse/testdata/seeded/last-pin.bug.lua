-- A node drops content before another has it.
runbook { name = "last-pin", on_failure = "stop" }
local ipfs = require "ipfs"
local cid = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
pcall(ipfs.pin, { node = "spare", cid = cid })
ipfs.unpin { node = "main", cid = cid }
