local function edge() return { groups = { "edge" }, services = { nginx = "active" }, files = { ["/etc/nginx/edge.conf"] = "worker_processes 2;\n" } } end
return { world = {
  hosts = { hosts = { e1 = edge(), e2 = edge() }, commands = { ["nginx -t"] = { takes = "1s" }, ["nginx -s reload"] = { takes = "1s" } } },
  traffic = { pools = { edge = { weights = { e1 = 50, e2 = 50 } } } },
  health = { e1 = {}, e2 = {} },
} }
