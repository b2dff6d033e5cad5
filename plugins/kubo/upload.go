package kubo

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"sync"
)

// upload is a file or directory that is sent to a node, as the parts of a form.
// Symbolic links within a directory are sent as links.
type upload struct {
	root string // absolute
	name string // what the node calls it

	mu     sync.Mutex
	failed error
}

// newUpload looks whether all can be sent, before anything is.
func newUpload(root string) (*upload, error) {
	u := &upload{root: root, name: filepath.Base(root)}
	return u, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !d.Type().IsRegular() && d.Type() != fs.ModeSymlink {
			err = fmt.Errorf("%s is neither a file nor a directory", path)
		}
		return err
	})
}

// err returns why the files could not be read.
func (u *upload) err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.failed
}

// stream returns the form and its content type. Closing it ends the reading.
func (u *upload) stream(ctx context.Context) (io.ReadCloser, string) {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		err := filepath.WalkDir(u.root, func(at string, d fs.DirEntry, err error) error {
			if err != nil {
				return u.fail(err)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			return u.part(form, at, d)
		})
		if err == nil {
			err = form.Close()
		}
		_ = w.CloseWithError(err)
	}()
	return r, form.FormDataContentType()
}

// part sends one file, directory or link.
func (u *upload) part(form *multipart.Writer, at string, d fs.DirEntry) error {
	rel, err := filepath.Rel(u.root, at)
	if err != nil {
		return u.fail(err)
	}
	name := path.Join(u.name, filepath.ToSlash(rel))
	switch {
	case d.IsDir():
		_, err := create(form, name, "application/x-directory")
		return err
	case d.Type() == fs.ModeSymlink:
		to, err := os.Readlink(at)
		if err != nil {
			return u.fail(err)
		}
		w, err := create(form, name, "application/symlink")
		if err == nil {
			_, err = io.WriteString(w, to)
		}
		return err
	}
	f, err := os.Open(at)
	if err != nil {
		return u.fail(err)
	}
	defer f.Close()
	w, err := create(form, name, "application/octet-stream")
	if err != nil {
		return err
	}
	_, err = io.Copy(w, &watched{f, u})
	return err
}

// fail notes that our side broke off, not the node's.
func (u *upload) fail(err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.failed = err
	return err
}

// watched tells failures to read from failures to send.
type watched struct {
	r io.Reader
	u *upload
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		err = w.u.fail(err)
	}
	return n, err
}

// create begins a part under the name that the node will give it.
func create(form *multipart.Writer, name, kind string) (io.Writer, error) {
	return form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename="%s"`, url.QueryEscape(name))},
		"Content-Type":        {kind},
	})
}
