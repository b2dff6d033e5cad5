return { world = { hosts = { hosts = { etcd1 = { groups = { "etcd" }, services = { etcd = "active" } }, etcd2 = { groups = { "etcd" }, services = { etcd = "active" } } } } } }
