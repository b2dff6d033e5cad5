return { world = { db = { version = 7, newest = 8 }, exec = { vars = { page = "normal" }, commands = {
  ["./page.sh sorry"] = { sets = { page = "sorry" } },
  ["./page.sh normal"] = { sets = { page = "normal" } },
} } } }
