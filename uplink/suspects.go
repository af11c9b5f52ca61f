package uplink

import (
	"fmt"
	"strings"
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

// suspects is what the delivery knows of how connections end.
type suspects struct {
	since  time.Time   // of the connection
	cuts   int         // connections in a row that ended right after something had gone out
	vain   int         // of these, between which nothing was accepted
	acked  int         // how much was accepted at the last of them
	quiet  []time.Time // when connections ended although nothing had gone out
	lasted time.Duration
}

// suspicion is what a message is suspected of.
type suspicion struct {
	suspected bool // it goes alone
	blamed    int  // connections that ended with it alone outstanding
	acked     int  // how much was accepted at the last of them
	mute      int  // rounds of attempts without an answer to anything
	unheard   int  // rounds of attempts without an answer, while others of its meter had one
	passed    int  // how often it gave its place up while others were answered
	restamps  int
	unknown   bool // the platform did not know its meter before
}

const (
	// provoked is how soon after a message a connection ends over it.
	provoked = 5 * time.Second
	// convicted is how many connections must end over a message.
	convicted = 5
	// mostVain is how many connections may end so without a word before it is not
	// for the size: messages are as small as they get by then.
	mostVain = convicted + 8
	// mostUnheard is how many rounds of attempts a message gets that the platform
	// does not answer.
	mostUnheard = 12
	// quietCuts within quietFor make another client likely that has our client
	// id: the broker then ends the older connection of the two.
	quietCuts = 3
	quietFor  = 30 * time.Minute
)

const (
	cutWhy     = "the broker ends the connection each time that it comes"
	ignoredWhy = "it is never answered, others of its meter are"
)

// cut takes note of a connection that was lost, and tells why it may have been.
func (d *delivery) cut(now time.Time, err error, client string) error {
	if !byThem(err) {
		return err
	}
	if d.lasted = now.Sub(d.since); d.lasted > stableAfter {
		d.cuts = 0
	}
	var out []*request
	for _, r := range d.window.carrying() {
		if now.Sub(r.at) <= provoked {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return d.cutQuietly(now, err, client)
	}
	if d.cuts++; d.count.Acked > d.acked {
		d.vain, d.acked = 0, d.count.Acked
	}
	d.vain++
	halved := false
	for _, r := range out { // all that goes out may be too large
		halved = (d.vain > convicted || d.sizing.tries(len(r.Payload))) && d.halve(now, r) || halved
	}
	if halved {
		return err // whether it was that is seen first
	}
	if len(out) == 1 {
		d.blame(now, out[0])
		return err
	}
	if d.cuts > 1 {
		for _, r := range out {
			r.suspected = true
		}
	}
	return err
}

// tellsSizes reports whether the next connection may show that messages were too
// large: it does not wait as one that nobody answers does.
func (d *delivery) tellsSizes() bool { return d.vain > 0 && d.vain <= mostVain }

// cutQuietly takes note of an end that no message of ours was the reason of.
// Then no message is to blame for those before either.
func (d *delivery) cutQuietly(now time.Time, err error, client string) error {
	d.cuts = 0
	for _, r := range d.window.all() {
		r.suspicion = suspicion{unheard: r.unheard, passed: r.passed, restamps: r.restamps, unknown: r.unknown}
	}
	d.quiet = append(d.quiet, now)
	for len(d.quiet) > quietCuts {
		d.quiet = d.quiet[1:]
	}
	if len(d.quiet) < quietCuts || now.Sub(d.quiet[0]) > quietFor {
		return err
	}
	return &cause{err, fmt.Sprintf("another client may use our client id %q: the broker ended %d connections, the last after %v", client, quietCuts, d.lasted.Round(time.Second)),
		dlt645.Text{EN: "give each board ids of its own (gateway.id, client_id, and those of this uplink): a copied card?", ZH: "请为每块板设置各自的标识（gateway.id、client_id 及该上行的标识）：是否复制了存储卡？"}, false}
}

// blame takes note of a connection that ended with this message alone out.
func (d *delivery) blame(now time.Time, r *request) {
	r.pause = longer(r.pause) // what can be delivered goes first
	if d.vain < convicted {
		r.pause = firstPostpone // nothing can, it seems
	}
	if r.blamed > 0 && d.count.Acked == r.acked {
		return // nothing else got through either
	}
	r.suspected, r.acked = true, d.count.Acked
	if r.blamed++; r.blamed < convicted || len(d.quiet) >= quietCuts && now.Sub(d.quiet[0]) <= quietFor {
		return
	}
	if !d.halve(now, r) {
		d.window.answered(r.ID)
		d.setAside(r, cutWhy)
	}
}

// halve divides a message that does not get through, and has what comes after
// it be no larger than its halves; false if it carries one thing. Nothing is
// lost by it, so it needs less of a proof than setting a message aside.
func (d *delivery) halve(now time.Time, r *request) bool {
	if len(r.recs) == 0 || !d.divide(now, r) {
		return false
	}
	d.window.answered(r.ID)
	d.window.release(r)
	d.sizing.tooLarge(len(r.Payload))
	if d.sizing.most > 0 {
		d.told("a message does not get through; they are sent smaller", "meter", r.Meter.String(), "bytes", len(r.Payload), "most", d.sizing.most, "hint", "what is the broker's limit for a message?")
	}
	return true
}

// ignored counts a round of attempts that came to nothing, and reports whether
// it is the last.
func (d *delivery) ignored(r *request) bool {
	reg := d.roll[r.Meter]
	if reg == nil || len(r.recs) == 0 || !r.at.Before(reg.accepted) {
		return false
	}
	r.unheard++
	return r.unheard >= mostUnheard
}

// setAside gives a message up, so that the queue goes on. Its records stay in
// the ring until they are overwritten.
func (d *delivery) setAside(r *request, why string) {
	d.window.release(r)
	d.count.SetAside++
	item := r.Item
	if item == "" {
		item = strings.Join(r.points, ",")
	}
	d.count.LastAside = fmt.Sprintf("meter %s item %s, record %d, %d bytes: %s", r.Meter, item, r.recs[0].seq, len(r.Payload), why)
	d.alarmed("a message is set aside and not sent again", "meter", r.Meter.String(), "item", item, "seq", r.recs[0].seq, "bytes", len(r.Payload), "topic", r.Topic, "why", why)
	d.settleAll(r)
}
