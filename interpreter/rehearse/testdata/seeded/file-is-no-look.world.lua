local function broker() return { groups = { "brokers" }, services = { kafka = "active" }, files = { ["/etc/kafka/heap"] = "2g\n" } } end
return { world = { hosts = { hosts = { k1 = broker(), k2 = broker() } } } }
