package uplink

import "time"

// credentialsPause follows a refusal that repeating makes worse.
const credentialsPause = time.Minute

// nodes are the brokers of one platform, of which one is used at a time. Who
// fails is followed by the next of the list: one that is dead or slow, that
// refuses our credentials, or that takes messages which nobody ever answers.
type nodes struct {
	urls   []string
	at     int
	barred []time.Time // until when each is left alone; zero: it is not
}

func newNodes(e Endpoint) *nodes {
	urls := append([]string{e.URL}, e.More...)
	return &nodes{urls: urls, barred: make([]time.Time, len(urls))}
}

// current gives the address of the broker that is used.
func (n *nodes) current() string { return n.urls[n.at] }

// failed goes on to the next broker that may be asked when the pause is over,
// and gives the pause, longer where none may be asked before. One that refused
// our credentials is left alone for a while: asking it again soon may get the
// board banned there.
func (n *nodes) failed(now time.Time, pause time.Duration, credentials bool) time.Duration {
	if credentials {
		n.barred[n.at] = now.Add(credentialsPause)
	}
	first := n.at
	for i := 1; i <= len(n.urls); i++ {
		next := (first + i) % len(n.urls)
		if !n.barred[next].After(now.Add(pause)) {
			n.at = next
			return pause
		}
		if i == 1 || n.barred[next].Before(n.barred[n.at]) {
			n.at = next
		}
	}
	return n.barred[n.at].Sub(now)
}
