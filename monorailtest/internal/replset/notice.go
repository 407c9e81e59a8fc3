package replset

// notice tells any number of goroutines at once that something has happened. The lock of the set guards
// it.
type notice struct {
	// told is closed by tell, and forgotten; nil while nobody waits. Nothing is sent on it; whoever
	// waits receives.
	told chan struct{}
}

// next returns what the next tell closes.
func (n *notice) next() <-chan struct{} {
	if n.told == nil {
		n.told = make(chan struct{})
	}
	return n.told
}

// tell wakes whoever has called next.
func (n *notice) tell() {
	if n.told != nil {
		close(n.told)
		n.told = nil
	}
}
