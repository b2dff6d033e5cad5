package kubo

import (
	"fmt"
	"time"
)

// pause is the least time between two lines of progress.
const pause = 2 * time.Second

// progress shows how far something came, at times.
type progress struct {
	show func(string)
	last time.Time
}

// line shows a line unless one was shown just now.
func (p *progress) line(format string, args ...any) {
	if now := time.Now(); now.Sub(p.last) >= pause {
		p.last = now
		p.show(fmt.Sprintf(format, args...))
	}
}

// bytesText writes a size for people: "3.2 MiB".
func bytesText(n uint64) string {
	f, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for f >= 1024 && len(units) > 1 {
		f, units = f/1024, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[0])
}
