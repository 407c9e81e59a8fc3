// Package monorail gives programs that use the official MongoDB driver what PyMongo 2.x called a
// request: a series of operations that travel over one socket, so that the server processes them
// in the order in which the program issued them, unacknowledged writes included.
package monorail
