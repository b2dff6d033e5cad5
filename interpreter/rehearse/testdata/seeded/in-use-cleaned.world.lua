return { world = {
  deploy = { envs = { web = { version = "v1.02", previous = "v1.01", serving = "v1.02", state = "active" } } },
  hosts = { commands = { ["ls -1 /srv/web/releases"] = { stdout = "v1.00\nv1.01\nv1.02\nv1.03\nv1.04\nv1.05\nv1.06\nv1.07\nv1.08\n" } },
    hosts = { ["web-1"] = { services = { web = "active" } } } },
} }
