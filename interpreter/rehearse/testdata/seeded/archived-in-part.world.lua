return { world = { files = {
  ["/srv/traces/2025/01.trace"] = { text = "a\n" }, ["/srv/traces/2025/02.trace"] = { text = "b\n" }, ["/srv/traces/2025/index.db"] = { text = "c\n" },
  ["/srv/traces/2026/01.trace"] = { text = "d\n" },
} } }
