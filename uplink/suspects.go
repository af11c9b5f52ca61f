package uplink

import (
	"fmt"
	"time"

	"meterd/dlt645"
)

// A broker may end the connection over a message each time that it comes: it is
// too large for it, or against a policy. That message must not hold up all
// others for ever, nor may a bad network make one look like it. So whoever was
// out when a connection ended goes alone the next time; who was alone at the
// end of five connections in a row, while others were accepted in between, is
// halved, and in the end set aside and told. Where nothing is accepted at all
// it may be the network: then it is halved all the same, which costs nothing,
// since all that goes out may be too large; it is not set aside.
//
// A broker may also take a message and never have it answered. It is set aside
// when twelve rounds of attempts went by in each of which the platform accepted
// others of the same meter.

// suspects is what is known of how connections end.
type suspects struct {
	began  time.Time // of the connection
	lasted time.Duration
	cuts   int         // connections in a row that ended right after something had gone out
	vain   int         // of these, between which nothing was accepted
	acked  int         // how much was accepted at the last of them
	quiet  []time.Time // when connections ended although nothing had gone out
	since  bool        // one is the last of these: there was no connection since
}

// suspicion is what a message is suspected of.
type suspicion struct {
	suspected bool // it goes alone
	blamed    int  // connections that ended with it alone outstanding
	acked     int  // how much was accepted at the last of them
	mute      int  // rounds of attempts without an answer to anything
}

const (
	// provoked is how soon after a message a connection ends over it.
	provoked = 5 * time.Second
	// convicted is how many connections must end over a message.
	convicted = 5
	// mostVain is how many connections may end so without a word before it is not
	// for the size: messages are as small as they get by then.
	mostVain = convicted + 8
	// quietCuts within quietFor make another client likely that has our client
	// id: the broker then ends the older connection of the two.
	quietCuts = 3
	quietFor  = 30 * time.Minute
)

const cutWhy = "the broker ends the connection each time that it comes"

// tellsSizes reports whether the next connection may show that messages were too
// large: it does not wait as one that nobody answers does.
func (s *suspects) tellsSizes() bool { return s.vain > 0 && s.vain <= mostVain }

// twin reports whether another client with our id seems to be about.
func (s *suspects) twin(now time.Time) bool {
	return len(s.quiet) >= quietCuts && now.Sub(s.quiet[0]) <= quietFor
}

// connected takes note of a connection.
func (s *suspects) connected(now time.Time) { s.began, s.since = now, false }

// away takes note that the broker cannot be reached. Who takes our place is let
// in at once, and so are we: it was the broker, or the network, that ended the
// last connection.
func (s *suspects) away() {
	if s.since {
		s.quiet, s.since = s.quiet[:len(s.quiet)-1], false
	}
}

// ended takes note that the other end closed the connection, when so much had
// been accepted in all. It gives those of what was outstanding that it may have
// been closed over.
func (s *suspects) ended(now time.Time, outstanding []*request, acked int) (over []*request) {
	if s.lasted = now.Sub(s.began); s.lasted > stableAfter {
		s.cuts = 0
	}
	for _, r := range outstanding {
		if now.Sub(r.at) <= provoked {
			over = append(over, r)
		}
	}
	if len(over) == 0 {
		s.cuts = 0
		s.quiet = append(s.quiet, now)
		s.quiet = s.quiet[max(0, len(s.quiet)-quietCuts):]
		s.since = true
		return nil
	}
	if s.cuts++; acked > s.acked {
		s.vain, s.acked = 0, acked
	}
	s.vain++
	return over
}

// explain tells why a connection may have ended that no message of ours was the
// reason of.
func (s *suspects) explain(now time.Time, err error, client string) error {
	if !s.twin(now) {
		return err
	}
	return &cause{err, fmt.Sprintf("another client may use our client id %q: the broker ended %d connections, the last after %v", client, quietCuts, s.lasted.Round(time.Second)),
		dlt645.Text{EN: "give each board ids of its own (gateway.id, client_id, and those of this uplink): a copied card?", ZH: "请为每块板设置各自的标识（gateway.id、client_id 及该上行的标识）：是否复制了存储卡？"}, false}
}

// blame has those go alone that the connection was closed over. Where that was
// one, it may be proof enough: then it gives its outcome.
func (s *suspects) blame(now time.Time, over []*request) (o outcome, proven bool) {
	if len(over) > 1 {
		for _, r := range over {
			r.suspected = r.suspected || s.cuts > 1
		}
		return o, false
	}
	r := over[0]
	r.yield(s.vain < convicted) // what can be delivered goes first, unless nothing can, it seems
	if r.blamed > 0 && s.acked == r.acked {
		return o, false // nothing else got through either
	}
	r.suspected, r.acked = true, s.acked
	r.blamed++
	return outcome{halves: true, large: true, fate: fateAside, frees: true, text: cutWhy}, r.blamed >= convicted && !s.twin(now)
}
