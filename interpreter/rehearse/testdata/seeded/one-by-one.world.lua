return { world = { traffic = { weights = { web1 = 34, web2 = 33, web3 = 33 } } } }
