return { world = { traffic = { servers = { web1 = { weight = 34 }, web2 = { weight = 33 }, web3 = { weight = 33 } } } } }
