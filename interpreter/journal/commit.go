package journal

import (
	"context"
	"database/sql"
	"sync"
)

// transaction is one that waits for the writing connection, or has it.
type transaction struct {
	ctx context.Context
	op  string
	fn  func(ctx context.Context, c *sql.Conn) error
	// shared says that fn may run twice and that it changes nothing when it
	// fails, so that it can share the commit of others.
	shared bool
	done   chan error // holds one
}

// committer lets the transactions of this process on the one writing
// connection one after another. Those that have come together while a commit
// was waiting for the disk share the next one: whoever finds the connection
// free carries all of them out.
type committer struct {
	turn  chan struct{} // whoever could put one in has the connection
	mu    sync.Mutex
	queue []*transaction
}

func newCommitter() *committer { return &committer{turn: make(chan struct{}, 1)} }

// lock takes the connection for something that is no transaction.
func (c *committer) lock()   { c.turn <- struct{}{} }
func (c *committer) unlock() { <-c.turn }

func (c *committer) enqueue(t *transaction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, t)
}

// next returns those at the front of the queue that go together.
func (c *committer) next() []*transaction {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < len(c.queue) && (n == 0 || c.queue[0].shared && c.queue[n].shared) {
		n++
	}
	batch := c.queue[:n:n]
	c.queue = c.queue[n:]
	return batch
}

// transact carries a transaction out, alone or with others.
func (d *DB) transact(t *transaction) error {
	t.ctx, t.done = context.WithoutCancel(t.ctx), make(chan error, 1)
	d.commits.enqueue(t)
	for {
		select {
		case err := <-t.done:
			return err
		case d.commits.turn <- struct{}{}:
		}
		if len(t.done) == 0 {
			d.together(d.commits.next())
		}
		d.commits.unlock()
	}
}

// together carries transactions out with one commit. Where one of them fails,
// each gets one of its own.
func (d *DB) together(batch []*transaction) {
	if len(batch) > 1 {
		err := d.begin(batch[0].ctx)
		if err != nil { // nobody else would have come further
			for _, t := range batch {
				t.done <- err
			}
			return
		}
		if d.work(batch...) == nil {
			for _, t := range batch {
				t.done <- nil
			}
			return
		}
	}
	for _, t := range batch {
		err := d.begin(t.ctx)
		if err == nil {
			if err = d.work(t); !conflict(err) { // whose meaning the caller knows
				err = d.wrap(t.op, err)
			}
		}
		t.done <- err
	}
}

// work runs transactions in the one that has begun, and commits it.
func (d *DB) work(batch ...*transaction) error {
	var err error
	for _, t := range batch {
		if err = t.fn(t.ctx, d.conn); err != nil {
			break
		}
	}
	ctx := batch[0].ctx
	if err == nil {
		_, err = d.writes.commit.ExecContext(ctx)
	}
	if err != nil {
		// After some errors SQLite has rolled back by itself; then this one fails,
		// which says nothing.
		_, _ = d.writes.rollback.ExecContext(ctx)
	}
	return err
}
