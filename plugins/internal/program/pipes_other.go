//go:build unix && !linux

package program

import (
	"os"
	"sync"
	"time"
)

// pipes are a program's standard output and error. What it writes to both
// within the same moment may come in another order here.
type pipes struct {
	read, write [2]*os.File
}

func newPipes() (*pipes, error) {
	p := &pipes{}
	for i := range p.read {
		var err error
		if p.read[i], p.write[i], err = os.Pipe(); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// started lets go of the program's ends.
func (p *pipes) started() { closeAll(p.write[:]...) }

// exited says that the program is gone: what is left is read, and children
// that hold the pipes open are not waited for.
func (p *pipes) exited() {
	for _, f := range p.read {
		_ = f.SetReadDeadline(time.Now().Add(idleWait))
	}
}

// readAll hands on what is written until nobody can write any more, or, after
// exited, nobody does.
func (p *pipes) readAll(take func(stream int, data []byte)) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, f := range p.read {
		wg.Go(func() {
			buf := make([]byte, 32<<10)
			for {
				n, err := f.Read(buf)
				mu.Lock()
				take(i, buf[:n])
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

func (p *pipes) close() {
	closeAll(p.write[:]...)
	closeAll(p.read[:]...)
}
