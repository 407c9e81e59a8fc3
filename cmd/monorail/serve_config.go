package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serveConfig is what the flags of serve say.
type serveConfig struct {
	port    int           // the port, of a set that of the first member; 0 for any
	listen  string        // the address to listen on
	members members       // the replica set to be
	delay   time.Duration // how long each message waits
	file    string        // the file that keeps the data; empty for none
	every   time.Duration // how often it is written
	often   bool          // whether -every was given
}

// Limits of the flags. A replica set of MongoDB has at most 50 members. A message that waits for more than a minute
// is one that clients have given up. Writing the file takes everything: more often than ten times in a second, nothing
// else would be done.
const (
	defaultPort = 27017 // MongoDB's
	maxPort     = 65535
	maxMembers  = 50
	maxDelay    = time.Minute
	minEvery    = 100 * time.Millisecond
)

// parseServeConfig reads the flags. It writes what is wrong, or the help that was asked for, to stderr; the error is
// flag.ErrHelp in the latter case.
func parseServeConfig(args []string, stderr io.Writer) (serveConfig, error) {
	var c serveConfig
	flags := flag.NewFlagSet("monorail serve", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&c.port, "port", defaultPort, "listen on this `port`; of a replica set it is the first member's, and the others have those that follow;\n0 for any that is free")
	flags.StringVar(&c.listen, "listen", "127.0.0.1", "listen on this IP `address`; 0.0.0.0 for all. There is no access control: on another address than\nloopback, whoever reaches it can read and change everything")
	flags.Var(&c.members, "replica-set", "be a replica set of one member, or with -replica-set=`N` of N. A name in the place of N names a set of one\n(default: a standalone; the name is rs0)")
	flags.DurationVar(&c.delay, "delay", 0, "have every message but hello wait for this `time`, such as 5ms: a busy server")
	flags.StringVar(&c.file, "file", "", "keep the data in this `file`: read it at the start if it is there, and write it at the end and every -every")
	flags.DurationVar(&c.every, "every", time.Minute, "write the file this `often` if something has changed")
	if err := flags.Parse(joinValue(args, "replica-set")); err != nil {
		return serveConfig{}, err
	}
	flags.Visit(func(f *flag.Flag) { c.often = c.often || f.Name == "every" })
	if err := c.check(flags.Args()); err != nil {
		fmt.Fprintf(stderr, "monorail serve: %v; \"monorail serve -help\" lists the flags\n", err)
		return serveConfig{}, err
	}
	return c, nil
}

// joinValue joins a flag whose value may be left out with the value behind it, if one follows: package flag knows such
// values behind = only. There are no other arguments that it could be. A negative number is a wrong value, no flag.
func joinValue(args []string, name string) []string {
	i := slices.IndexFunc(args, func(arg string) bool { return arg == "-"+name || arg == "--"+name })
	if i < 0 || i+1 == len(args) {
		return args
	}
	if _, err := strconv.Atoi(args[i+1]); err != nil && strings.HasPrefix(args[i+1], "-") {
		return args
	}
	return slices.Concat(args[:i], []string{args[i] + "=" + args[i+1]}, args[i+2:])
}

func (c *serveConfig) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case c.port < 0 || c.port > maxPort:
		return fmt.Errorf("-port must be 0 to %d, not %d", maxPort, c.port)
	case c.members.wrong != nil:
		return c.members.wrong
	case c.port > 0 && c.port+c.members.n > maxPort+1:
		return fmt.Errorf("%d members do not fit behind port %d", c.members.n, c.port)
	case net.ParseIP(c.listen) == nil && c.listen != "localhost":
		return fmt.Errorf("-listen must be an IP address, not %q", c.listen)
	case c.delay < 0 || c.delay > maxDelay:
		return fmt.Errorf("-delay must be 0 to %v, not %v", maxDelay, c.delay)
	case c.every < minEvery:
		return fmt.Errorf("-every must be at least %v, not %v", minEvery, c.every)
	case c.often && c.file == "":
		return errors.New("-every needs -file: without one, nothing is written")
	}
	return nil
}

// loopback reports whether the server can be reached from this machine only.
func (c *serveConfig) loopback() bool {
	return c.listen == "localhost" || net.ParseIP(c.listen).IsLoopback()
}

// members is the value of -replica-set.
type members struct {
	// n is how many members the set has; 0 for no set.
	n int
	// name is the set's; "" for the default.
	name string
	// wrong says what is wrong with the value. Set does not return it, because package flag calls every value
	// that may be left out a boolean one.
	wrong error
}

// IsBoolFlag tells package flag that the value may be left out: it is then "true".
func (m *members) IsBoolFlag() bool { return true }

// String implements flag.Value.
func (m *members) String() string {
	if m.n == 0 {
		return ""
	}
	return strconv.Itoa(m.n)
}

// Set implements flag.Value. It returns nil always; wrong is for serveConfig.check.
func (m *members) Set(value string) error {
	n, err := strconv.Atoi(value)
	switch {
	case value == "true":
		*m = members{n: 1}
	case value == "false":
		*m = members{}
	case err != nil && isSetName(value):
		*m = members{n: 1, name: value}
	case err != nil:
		*m = members{wrong: fmt.Errorf("-replica-set must be a number of members or a name, not %q", value)}
	case n < 1 || n > maxMembers:
		*m = members{wrong: fmt.Errorf("-replica-set must be 1 to %d members, not %d", maxMembers, n)}
	default:
		*m = members{n: n}
	}
	return nil
}

// isSetName reports whether a connection string can hold the name as it is.
func isSetName(name string) bool {
	for _, c := range name {
		if !(c == '-' || c == '_' || c == '.' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') {
			return false
		}
	}
	return name != ""
}
