return { world = {
  hosts = { hosts = {
    ["edge-1"] = { files = { ["/etc/iptables/rules.v4"] = "old", ["/etc/iptables/rules.v4.old"] = "old" } },
    ["edge-2"] = { files = { ["/etc/iptables/rules.v4"] = "old", ["/etc/iptables/rules.v4.old"] = "old" } } } },
  health = { ["edge-1"] = { error_rate = "0%" }, ["edge-2"] = { error_rate = "0%" } },
} }
