return { world = {
  exec = { commands = { ["kubeadm upgrade apply"] = { takes = "8m" } } },
  health = { cluster = { error_rate = "0%" } },
} }
