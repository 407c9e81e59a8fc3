// Package snippet takes the Go snippets out of the documentation and makes programs of them, so
// that a test can compile and run every one.
//
// A snippet is a block fenced with ```go in a Markdown file of the repository. It is one of
//
//   - a program: it begins with "package main" and is used as it is;
//
//   - a test: it begins with another package clause and is run by go test;
//
//   - declarations and statements without a package clause, a fragment. The top-level functions
//     and types of a fragment stay declarations; if it has statements instead, they become the body
//     of a function. Packages that it names are imported, and these variables are there for it:
//
//     ctx      context.Context      the background context
//     client   *monorail.Client     connected to the server
//     counts   *mongo.Collection    the collection analytics.counts of client
//     region, browser, system       three strings
//     srv      *monorailtest.Server the server itself, if the fragment names it
//     err      error                for what a fragment assigns without declaring it
//
// Every snippet finds the URI of an empty server in the environment variable MONGODB_URI. It passes
// when it exits with status 0, which for a fragment means that it returned no error. A block fenced
// with ```output right after it is what it must print.
package snippet
