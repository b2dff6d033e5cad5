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
}

type cacheKey struct {
	name, text string
	cover      *Coverage
}

// NewCache returns an empty Cache.
func NewCache() *Cache { return &Cache{files: map[cacheKey]*lua.FunctionProto{}} }

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
