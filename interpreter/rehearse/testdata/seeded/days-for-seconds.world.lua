return { world = { exec = { commands = { ["openssl x509"] = { code = 1 } } } } }
