package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/mongo-monorail/monorail/monorailtest"
)

// served is what `monorail serve` runs: a server or a replica set.
type served interface {
	URI() string
	Close()
}

// serveCommand is `monorail serve`: it runs a server until ctx is done. The only line on stdout is its URI.
func serveCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parseServeConfig(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage
	}
	// A Logger writes each line at once, whichever connection it is about.
	logger := log.New(stderr, "monorail serve: ", 0)
	if !c.loopback() {
		logger.Printf("warning: listening on %s, and without access control: whoever can reach this address can read and change everything", c.listen)
	}
	var unsaved atomic.Bool
	server, err := c.start(logger, &unsaved)
	if err != nil {
		logger.Print(err)
		return exitFailed
	}
	if _, err := fmt.Fprintln(stdout, server.URI()); err != nil {
		logger.Print("cannot print the URI: ", err)
		server.Close()
		return exitFailed
	}
	<-ctx.Done()
	// What failed before does not count: the last attempt has everything.
	unsaved.Store(false)
	server.Close()
	if unsaved.Load() {
		return exitFailed
	}
	logger.Print("stopped")
	return exitOK
}

// start starts what c asks for, which logs refused messages, and what cannot be saved, which sets unsaved.
func (c *serveConfig) start(logger *log.Logger, unsaved *atomic.Bool) (served, error) {
	opts := []monorailtest.Option{
		monorailtest.WithAddr(net.JoinHostPort(c.listen, strconv.Itoa(c.port))),
		monorailtest.WithDelay(c.delay),
		monorailtest.WithRefused(func(r monorailtest.Refusal) { logger.Print(refusalLine(r)) }),
	}
	if c.file != "" {
		opts = append(opts, monorailtest.WithFile(c.file), monorailtest.WithFileInterval(c.every),
			monorailtest.WithFileErrors(func(err error) {
				unsaved.Store(true)
				logger.Print(err)
			}))
	}
	if c.members.n == 0 {
		return monorailtest.StartServer(opts...)
	}
	return monorailtest.StartReplicaSet(c.members.n, append(opts, monorailtest.WithSetName(c.members.name))...)
}
