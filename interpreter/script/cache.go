package script

import (
	"sync"

	lua "github.com/yuin/gopher-lua"
)

// Cache keeps compiled files, for programs that run the same script many
// times. It serves several goroutines. A nil Cache keeps nothing.
type Cache struct {
	mu    sync.Mutex
	files map[string]*lua.FunctionProto // by name and text
}

// NewCache returns an empty Cache.
func NewCache() *Cache { return &Cache{files: map[string]*lua.FunctionProto{}} }

func (c *Cache) compile(src Source) (*lua.FunctionProto, error) {
	if c == nil {
		return compile(src)
	}
	key := src.Name + "\x00" + string(src.Text)
	c.mu.Lock()
	defer c.mu.Unlock()
	if proto, ok := c.files[key]; ok {
		return proto, nil
	}
	proto, err := compile(src)
	if err == nil {
		c.files[key] = proto
	}
	return proto, err
}
