package database

import "sync"

// AskAll asks all nodes at once, and returns what each said by its name.
func AskAll[Node, Status any](nodes map[string]Node, ask func(Node) Status) map[string]Status {
	var mu sync.Mutex
	var wg sync.WaitGroup
	said := make(map[string]Status, len(nodes))
	for name, n := range nodes {
		wg.Go(func() {
			s := ask(n)
			mu.Lock()
			defer mu.Unlock()
			said[name] = s
		})
	}
	wg.Wait()
	return said
}
