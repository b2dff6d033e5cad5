local function edge() return { groups = { "edge" }, services = { haproxy = "active" }, files = { ["/etc/haproxy/waf.lst"] = "old" } } end
return { world = { hosts = { hosts = { ["edge-ams"] = edge(), ["edge-fra"] = edge(), ["edge-iad"] = edge() } } } }
