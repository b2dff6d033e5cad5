package script

import (
	"sync"

	lua "github.com/yuin/gopher-lua"
)

// Cache keeps compiled files, for programs that run the same script many
// times. It serves several goroutines. A nil Cache keeps nothing.
type Cache struct {
	mu    sync.Mutex
	files map[cacheKey]*lua.FunctionProto
	heads map[string]Header // by the script's text, which alone decides them
}

type cacheKey struct {
	name, text string
	cover      *Coverage
}

// NewCache returns an empty Cache.
func NewCache() *Cache {
	return &Cache{files: map[cacheKey]*lua.FunctionProto{}, heads: map[string]Header{}}
}

func (c *Cache) compile(src Source, cover *Coverage) (*lua.FunctionProto, error) {
	if c == nil {
		return compile(src, cover)
	}
	key := cacheKey{src.Name, string(src.Text), cover}
	c.mu.Lock()
	defer c.mu.Unlock()
	if proto, ok := c.files[key]; ok {
		return proto, nil
	}
	proto, err := compile(src, cover)
	if err == nil {
		c.files[key] = proto
	}
	return proto, err
}

// header returns the header of a script, which it reads once. Nothing that
// differs between two runs can be had before the header, so that a text has
// one.
func (c *Cache) header(main Source, read func() (Header, error)) (Header, error) {
	if c == nil {
		return read()
	}
	c.mu.Lock()
	h, ok := c.heads[string(main.Text)]
	c.mu.Unlock()
	if ok {
		return h, nil
	}
	h, err := read()
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.heads[string(main.Text)] = h
	}
	return h, err
}
