return { world = {
  db = { nodes = { a = { primary = true } }, statements = { ["SELECT id, target FROM forwarding"] = { rows = { { id = "c1", target = "s3://a" }, { id = "c2", target = "s3://b" } } } } },
  hosts = { hosts = {
    ["fwd-1"] = { services = { forwarder = "active" }, files = { ["/etc/forwarder/customers"] = "c1 s3://a\n" } },
    ["fwd-2"] = { services = { forwarder = "active" }, files = { ["/etc/forwarder/customers"] = "c1 s3://a\n" } } } },
  health = { ["fwd-1"] = { error_rate = "0%" }, ["fwd-2"] = { error_rate = "0%" } },
} }
