package uplink

import (
	"encoding/json"
	"slices"
	"time"
)

// Host is a Platform on which the board itself has properties: they are told
// every 15 minutes and when they change, ahead of the readings. Nothing waits
// for an answer to that, and what is lost is told with the next.
type Host interface {
	// Board gives the messages that tell them; at is zero while the clock is
	// doubted. Whole is false if they do not tell all: it is asked again soon.
	Board(at time.Time, state []BoardState) (all []Message, whole bool)
}

// BoardState is a property of the board.
type BoardState struct {
	Key  string // its identifier, the same on all platforms
	JSON json.RawMessage
	// Moves tells that it changes all the time, which is no reason to tell it.
	Moves bool
}

// BoardKeys are the identifiers of the board's properties, in their order.
var BoardKeys = []string{
	"gateway_version", "gateway_uptime", "gateway_clock", "gateway_ring", "gateway_ring_used", "gateway_lines", "gateway_lines_down", "gateway_meters", "gateway_meters_online",
	"gateway_started", "gateway_clock_source", "gateway_ring_hours", "gateway_lines_load", "gateway_lines_lost", "gateway_memory_free", "gateway_cpu", "gateway_temperature", "gateway_record",
}

// BoardTexts are those that are texts; the others are numbers.
var BoardTexts = []string{"gateway_version", "gateway_clock", "gateway_ring", "gateway_lines_down", "gateway_started", "gateway_clock_source", "gateway_lines_load", "gateway_lines_lost"}

// BoardTable tells people what a product has to define for them; lead gives what
// stands before the identifier in a line.
func BoardTable(product string, head string, lead func(i int) string) string {
	rows := []string{head + "identifier\taccess\ttype"}
	for i, key := range BoardKeys {
		kind := "number"
		if slices.Contains(BoardTexts, key) {
			kind = "text"
		}
		rows = append(rows, lead(i)+key+"\tr\t"+kind)
	}
	return "properties of " + product + ":\n" + Table(rows)
}

const (
	boardEvery = 15 * time.Minute
	boardLook  = 10 * time.Second // how often the properties are compared
)

// boardBeat says when they are told. It reads no clock. Its zero value is that
// of a new connection.
type boardBeat struct {
	at   time.Time // when they were told last
	look time.Time // when they are compared again
	last []BoardState
}

// looks reports whether they are to be compared now.
func (b *boardBeat) looks(now time.Time) bool {
	if now.Before(b.look) {
		return false
	}
	b.look = now.Add(boardLook)
	return true
}

// due reports whether they are to be told.
func (b *boardBeat) due(now time.Time, state []BoardState) bool {
	return now.Sub(b.at) >= boardEvery || !slices.EqualFunc(state, b.last, func(x, y BoardState) bool {
		return x.Key == y.Key && (x.Moves || string(x.JSON) == string(y.JSON))
	})
}

// tellBoard tells how the board fares, and gives the time to look again.
func (u *Uplink) tellBoard(c *conn, beat *boardBeat, now time.Time) time.Time {
	p, ok := u.Platform.(Host)
	if !ok || u.Board == nil || u.d.roll.greets > 0 {
		return time.Time{}
	}
	if !u.d.pacing.ready(now) || !c.hasRoom() || !beat.looks(now) {
		return beat.look
	}
	state := u.Board(now)
	if !beat.due(now, state) {
		return beat.look
	}
	at := now
	if !u.trusted(now) {
		at = time.Time{}
	}
	all, told := p.Board(at, state)
	for _, m := range all {
		m.ID = "" // nothing waits for it
		if !c.reply(m) {
			return beat.look
		}
		u.d.pacing.spend(now)
	}
	if !told {
		beat.look = now.Add(statusLook)
		return beat.look
	}
	beat.at, beat.last = now, state
	return beat.look
}
