return { world = {
  hosts = { hosts = { ["gw-1"] = { services = { nginx = "active" }, files = { ["/etc/nginx/conf.d/limits.conf"] = "limit_req zone=a;" } } } },
  health = { gateway = { healthy = true } },
} }
