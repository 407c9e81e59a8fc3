package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// ErrInUse: another server has the file.
var ErrInUse = errors.New("another server is using it")

const (
	// tempSuffix ends the names of files that are being written.
	tempSuffix = ".tmp"
	// newMode is the mode of a file that is made: what a server holds is its user's business.
	newMode = 0o600
	// openAttempts bounds how often Open begins anew because another server has put a new file in the place of the one
	// that it opened. Each time that server was about to end.
	openAttempts = 100
)

// File is a file in the hands of one server, which nobody else can open until Close. It is used by one goroutine at a time.
type File struct {
	// path is absolute and has no symbolic link in its last part, so that a new file takes the place of the old one.
	path string
	// held is the present file, open and locked.
	held *os.File
}

// Open opens a file and reads it, or makes one that holds nothing. The error names the file. On systems without flock,
// nothing keeps two servers from one file.
func Open(path string) (*File, *store.Store, []access.Stored, error) {
	f, s, users, err := open(path)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("cannot use the file %s: %w", path, err)
	}
	return f, s, users, nil
}

func open(path string) (*File, *store.Store, []access.Stored, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, nil, err
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f := &File{path: path}
	for range openAttempts {
		var made bool
		f.held, made, err = openOrMake(path)
		if err != nil {
			return nil, nil, nil, err
		}
		current, err := f.claim()
		if err == nil && !current {
			_ = f.held.Close() // nothing was written
			continue
		}
		var s *store.Store
		var users []access.Stored
		switch {
		case err != nil:
		case made:
			s, err = store.New(), f.Save(&Contents{})
		default:
			s, users, err = f.read()
		}
		if err != nil {
			if made {
				err = errors.Join(err, os.Remove(path))
			}
			_ = f.held.Close()
			return nil, nil, nil, err
		}
		f.removeLeftovers()
		return f, s, users, nil
	}
	return nil, nil, nil, ErrInUse
}

// openOrMake opens a file, or makes an empty one.
func openOrMake(path string) (held *os.File, made bool, err error) {
	held, err = os.OpenFile(path, os.O_RDWR, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return held, false, err
	}
	held, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, newMode)
	return held, err == nil, err
}

// claim locks the file, and reports whether it is still the one at the path.
func (f *File) claim() (current bool, err error) {
	if err := lock(f.held); err != nil {
		return false, err
	}
	opened, err := f.held.Stat()
	if err != nil {
		return false, err
	}
	if !opened.Mode().IsRegular() {
		return false, errors.New("it is not a regular file")
	}
	there, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, there), err
}

func (f *File) read() (*store.Store, []access.Stored, error) {
	info, err := f.held.Stat()
	if err != nil {
		return nil, nil, err
	}
	return Read(f.held, info.Size())
}

// removeLeftovers removes what a server left behind that ended while it wrote.
func (f *File) removeLeftovers() {
	entries, err := os.ReadDir(filepath.Dir(f.path))
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), f.tempPrefix()) && strings.HasSuffix(e.Name(), tempSuffix) {
			// What cannot be removed is only in nobody's way.
			_ = os.Remove(filepath.Join(filepath.Dir(f.path), e.Name()))
		}
	}
}

func (f *File) tempPrefix() string { return "." + filepath.Base(f.path) + "." }

// Save puts a file with c in the place of the present one, once the disk has it. With an error, the present one is as it
// was.
func (f *File) Save(c *Contents) error {
	if err := f.save(c); err != nil {
		return fmt.Errorf("cannot save to the file %s: %w", f.path, err)
	}
	return nil
}

func (f *File) save(c *Contents) (err error) {
	info, err := f.held.Stat()
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(f.path), f.tempPrefix()+"*"+tempSuffix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = next.Close()
			err = errors.Join(err, os.Remove(next.Name()))
		}
	}()
	// It is locked before it is at the path: whoever opens it there finds it taken.
	if err := lock(next); err != nil {
		return err
	}
	if err := next.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	if err := write(next, c); err != nil {
		return err
	}
	if err := next.Sync(); err != nil {
		return err
	}
	if err := os.Rename(next.Name(), f.path); err != nil {
		return err
	}
	// It gives up the lock of a file that is at no path any more.
	_ = f.held.Close()
	f.held = next
	return syncDirectory(filepath.Dir(f.path))
}

// syncDirectory makes the disk have the names in a directory.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// Close gives the file up.
func (f *File) Close() error { return f.held.Close() }
