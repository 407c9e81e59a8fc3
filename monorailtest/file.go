package monorailtest

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
	"github.com/mongo-monorail/monorail/monorailtest/internal/snapshot"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// defaultFileInterval is how often MongoDB makes a checkpoint.
const defaultFileInterval = time.Minute

// fileOptions are the options about the file that keeps the data.
type fileOptions struct {
	// path is "" for no file.
	path     string
	interval time.Duration
	failed   func(error)
}

// WithFile keeps what the server holds in a file: the documents, the collections with their options, views and indexes, and
// the users. It is read when the server starts, and made if it is not there. It is written when the server closes, every
// minute in which something has changed (WithFileInterval), and by Save: beside the old one, and in its place when the disk
// has it, so that it is always whole. What was written since is lost with the process, journaled or not.
//
// A file that is damaged, or no such file at all, is not touched: NewServer panics, and StartServer has an error. So it is
// with one that another server is using, which is noticed on systems with flock. Of a replica set, the file keeps what its
// primary holds, the database local apart, and every member starts with that.
func WithFile(path string) Option { return func(o *serverOptions) { o.file.path = path } }

// WithFileInterval says how often the file of WithFile is written if something has changed. The default is a minute. It
// panics if d is not positive.
func WithFileInterval(d time.Duration) Option {
	if d <= 0 {
		panic("monorailtest: the interval of the file is not positive")
	}
	return func(o *serverOptions) { o.file.interval = d }
}

// WithFileErrors has f called with the error of every attempt to write the file of WithFile that fails, Save apart. Calls
// come one after another. The server tries again after the next interval, but for the attempt of Close. The default prints
// them by the standard logger.
func WithFileErrors(f func(error)) Option { return func(o *serverOptions) { o.file.failed = f } }

// keeper keeps what a server, or a replica set, holds in a file.
type keeper struct {
	file *snapshot.File
	// contents returns the store and the users as they are now.
	contents func() (*store.Store, *access.Users)
	failed   func(error)
	// turn has a value while nobody saves: whoever takes it out may use the file and what follows, and puts it back.
	turn chan struct{}
	// store and version are what the file has; a nil store for nothing.
	store   *store.Store
	version uint64
	// closed goes from false to true once: then the file is somebody else's.
	closed bool
	// replicated says that the database local is not kept.
	replicated bool

	// cancel ends the goroutine that saves at intervals, and running waits for it.
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// openKeeper opens the file that the options name, and returns the store that it has, with its users added to those of
// the options. All are nil where there is none.
func (o *serverOptions) openKeeper() (*keeper, *store.Store, error) {
	if o.file.path == "" {
		return nil, nil, nil
	}
	f, s, users, err := snapshot.Open(o.file.path)
	if err == nil {
		if err = o.users.Import(users); err != nil {
			_ = f.Close()
		}
	}
	if err != nil {
		return nil, nil, prefixed(err)
	}
	k := &keeper{file: f, failed: o.file.failed, turn: make(chan struct{}, 1)}
	k.turn <- struct{}{}
	if k.failed == nil {
		k.failed = func(err error) { log.Print(err) }
	}
	return k, s, nil
}

// start has the keeper save every interval what contents returns.
func (k *keeper) start(interval time.Duration, contents func() (*store.Store, *access.Users)) {
	if interval == 0 {
		interval = defaultFileInterval
	}
	k.contents = contents
	var ctx context.Context
	ctx, k.cancel = context.WithCancel(context.Background())
	// Owned by the keeper; ends when close cancels; close waits.
	k.running.Go(func() {
		for pause(ctx, interval) {
			if err := k.save(); err != nil {
				k.failed(err)
			}
		}
	})
}

// save writes the file unless nothing has changed.
func (k *keeper) save() error {
	<-k.turn
	defer func() { k.turn <- struct{}{} }()
	return k.saveInTurn()
}

// saveInTurn is save for whoever has the turn.
func (k *keeper) saveInTurn() error {
	if k.closed {
		return errFileClosed
	}
	s, users := k.contents()
	version := s.Version()
	if s == k.store && version == k.version {
		return nil
	}
	c := &snapshot.Contents{Users: users.Export(), Collections: s.Freeze()}
	if k.replicated {
		c.Collections = slices.DeleteFunc(c.Collections, func(f store.Frozen) bool { return strings.HasPrefix(f.Namespace, "local.") })
	}
	if err := k.file.Save(c); err != nil {
		return prefixed(err)
	}
	k.store, k.version = s, version
	return nil
}

// close saves for the last time and gives the file up. A nil keeper does nothing.
func (k *keeper) close() {
	if k == nil {
		return
	}
	if k.cancel != nil {
		k.cancel()
	}
	k.running.Wait()
	<-k.turn
	defer func() { k.turn <- struct{}{} }()
	if k.contents != nil {
		if err := k.saveInTurn(); err != nil {
			k.failed(err)
		}
	}
	k.closed = true
	if err := k.file.Close(); err != nil {
		k.failed(prefixed(err))
	}
}

// Save writes the file of WithFile now, if something has changed since it was written. The file has then everything that was
// acknowledged before. Without a file, and after Close, it is an error.
func (s *Server) Save() error { return s.keeper.saveNow() }

// Save is Server.Save for what the primary holds.
func (rs *ReplicaSet) Save() error { return rs.keeper.saveNow() }

func (k *keeper) saveNow() error {
	if k == nil {
		return errNoFile
	}
	return k.save()
}

// Errors of Save.
var (
	errNoFile     = errors.New("monorailtest: there is no file to save to: see WithFile")
	errFileClosed = errors.New("monorailtest: the server is closed, and its file with it")
)

// prefixed says where an error comes from.
func prefixed(err error) error { return fmt.Errorf("monorailtest: %w", err) }
