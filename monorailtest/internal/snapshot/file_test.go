package snapshot

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// reopen opens a file that nobody has.
func reopen(t *testing.T, path string) (*File, *store.Store) {
	t.Helper()
	f, s, _, err := Open(path)
	check(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f, s
}

func TestFileIsMadeKeptAndTaken(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data")
	f, s := reopen(t, path)
	if len(s.Databases()) != 0 {
		t.Errorf("a new file has %v", s.Databases())
	}
	if _, _, _, err := Open(path); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("a second server: %v", err)
	}
	insert(t, s, "db", "c", bson.D{{Key: "_id", Value: int32(1)}})
	check(t, f.Save(&Contents{Collections: s.Freeze()}))
	if _, _, _, err := Open(path); !errors.Is(err, ErrInUse) {
		t.Errorf("a second server after a save: %v", err)
	}
	// A symbolic link is another name of the same file, and stays one.
	link := filepath.Join(dir, "link")
	check(t, os.Symlink("data", link))
	if _, _, _, err := Open(link); !errors.Is(err, ErrInUse) {
		t.Errorf("a second server by another name: %v", err)
	}
	check(t, f.Close())
	f, s = reopen(t, link)
	if n, _ := s.Collection("db", "c").Size(); n != 1 {
		t.Errorf("%d documents", n)
	}
	check(t, f.Save(&Contents{}))
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info, err)
	}
	check(t, f.Close())
	if names := list(t, dir); len(names) != 2 {
		t.Errorf("the directory has %v", names)
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestWhatCannotBeUsedIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign")
	check(t, os.WriteFile(foreign, []byte("my thesis"), 0o644))
	if _, _, _, err := Open(foreign); !errors.Is(err, ErrForeign) {
		t.Errorf("a foreign file: %v", err)
	}
	if b, err := os.ReadFile(foreign); err != nil || string(b) != "my thesis" {
		t.Errorf("it is now %q, %v", b, err)
	}
	if _, _, _, err := Open(dir); err == nil {
		t.Error("a directory is accepted")
	}
	if _, _, _, err := Open(filepath.Join(dir, "missing", "data")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is missing: %v", err)
	}
	if names := list(t, dir); len(names) != 1 {
		t.Errorf("the directory has %v", names)
	}
}

// TestAFailedSaveChangesNothing has the directory gone when a file is to be saved.
func TestAFailedSaveChangesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data")
	f, s := reopen(t, path)
	before, err := os.ReadFile(path)
	check(t, err)
	insert(t, s, "db", "c", bson.D{{Key: "_id", Value: int32(1)}})
	frozen := s.Freeze()
	check(t, os.Mkdir(filepath.Join(dir, "elsewhere"), 0o700))
	moved := f.path
	f.path = filepath.Join(dir, "nowhere", "data")
	if err := f.Save(&Contents{Collections: frozen}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a save to nowhere: %v", err)
	}
	// A directory is where the file has to go: all was written, and the last step fails.
	f.path = filepath.Join(dir, "elsewhere")
	if err := f.Save(&Contents{Collections: frozen}); err == nil {
		t.Error("a save in the place of a directory works")
	}
	f.path = moved
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed: %v", err)
	}
	check(t, f.Save(&Contents{Collections: frozen}))
	if names := list(t, dir); len(names) != 2 {
		t.Errorf("the directory has %v", names)
	}
}

func TestLeftoversAreRemoved(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".data.123.tmp", ".data.123.other", ".other.123.tmp"} {
		check(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	reopen(t, filepath.Join(dir, "data"))
	if names := list(t, dir); len(names) != 3 || names[0] != ".data.123.other" {
		t.Errorf("the directory has %v", names)
	}
}
