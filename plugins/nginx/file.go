package nginx

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/plugins/internal/portion"
)

// maxFile bounds what is read of a file, in bytes.
const maxFile = 1 << 20

var splitLine = lazyregexp.New(`(?m)^\s*(\*|\d+(?:\.\d+)?%)\s+([^\s;]+)\s*;`)

// readFile returns the pool's file, and what it says.
func (p *pool) readFile() (text string, d division, err error) {
	bad := func(code effect.Code, format string, args ...any) error {
		return effect.Errorf(code, "pool %s: "+format, append([]any{p.name}, args...)...).
			WithHint("the page of the backend nginx (docs/backends/nginx.md) shows the file that it begins with")
	}
	data, err := os.ReadFile(p.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", d, bad(effect.CodeNotFound, "there is no file %s", p.file)
	case err != nil:
		return "", d, bad(effect.CodeFailed, "%v", err)
	case len(data) > maxFile:
		return "", d, bad(effect.CodeFailed, "%s is longer than %d KiB", p.file, maxFile>>10)
	}
	block := regexp.MustCompile(`split_clients\s+\S+\s+\$runbook_` + p.name + `\s*\{([^}]*)\}`).FindSubmatch(data)
	if block == nil {
		return "", d, bad(effect.CodeFailed, "%s has no split_clients block that sets $runbook_%s", p.file, p.name)
	}
	d = division{p, map[string]int{}}
	left, rest := portion.Whole, ""
	for _, line := range splitLine.FindAllSubmatch(block[1], -1) {
		share, real := string(line[1]), string(line[2])
		if share == "*" {
			rest = real
			continue
		}
		n, err := strconv.ParseFloat(share[:len(share)-1], 64)
		if err != nil {
			return "", d, bad(effect.CodeFailed, "%s: %s is no share", p.file, share)
		}
		d.shares[real] += int(math.Round(n * portion.Whole / 100))
		left -= int(math.Round(n * portion.Whole / 100))
	}
	if rest != "" && left > 0 {
		d.shares[rest] += left
	} else if left != 0 {
		return "", d, bad(effect.CodeFailed, "the shares of %s do not add up to 100", p.file)
	}
	return string(data), d, nil
}

// writeFile puts a text in the place of the file, whole. Nothing else is changed
// where it fails.
func (p *pool) writeFile(text string) error {
	path, err := filepath.EvalSymlinks(p.file)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	next, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(next.Name()) }() // which is gone where all went well
	_, err = next.WriteString(text)
	if err = errors.Join(err, next.Chmod(info.Mode().Perm()), next.Sync(), next.Close()); err != nil {
		return err
	}
	if err := os.Rename(next.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
