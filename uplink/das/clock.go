package das

import (
	"encoding/json"
	"strconv"
	"time"

	"meterd/uplink"
)

// clock is the asking for the platform's time.
type clock struct {
	next time.Time // when it is asked
	id   string    // of the question that has no answer yet
	sent time.Time
}

const (
	// askAgain is how often the time is asked for, and askSoon while it is not
	// known.
	askAgain = time.Hour
	askSoon  = time.Minute
	// Unsure is the longest round trip of a question that counts: the answer may
	// be wrong by half of it.
	Unsure = 4 * time.Second
)

func (d *DAS) askTime(now time.Time) (m uplink.Message, ok bool, again time.Time) {
	if d.Offer == nil {
		return m, false, time.Time{}
	}
	if now.Before(d.clock.next) {
		return m, false, d.clock.next
	}
	m = d.ntp(now)
	d.clock = clock{next: now.Add(askSoon), id: strconv.FormatUint(uint64(d.id), 10), sent: now}
	return m, true, d.clock.next
}

func (d *DAS) ntp(now time.Time) uplink.Message {
	id := d.nextID()
	m := d.message(topicNTP, id, struct {
		ID   string `json:"id"`
		Sent int64  `json:"deviceSendTime"`
	}{id, now.UnixMilli()})
	m.ID = "" // not among what is delivered
	return m
}

// told takes the answer. The clock may have been set in between, so the round
// trip is measured by the monotonic one.
func (d *DAS) told(now time.Time, id string, payload []byte) {
	if d.Offer == nil || id != d.clock.id {
		return
	}
	d.clock.id = ""
	trip := now.Sub(d.clock.sent)
	if off, ok := ClockOffset(payload, now); ok && trip >= 0 && trip <= Unsure && (now.Round(0).Sub(d.clock.sent.Round(0))-trip).Abs() < time.Second {
		d.Offer(now.Add(off))
		if d.trusted() {
			d.clock.next = now.Add(askAgain)
		}
	}
}

// exact gives the time at which the answer came, by the platform's clock, from
// four times in ms.
func exact(serverRecv, serverSend, deviceRecv, deviceSend int64) int64 {
	return (serverRecv + serverSend + deviceRecv - deviceSend) / 2
}

// ClockOffset reads the answer to NTP, which came at that time: by so much our
// clock is behind the platform's. False if it is no such answer.
func ClockOffset(payload []byte, received time.Time) (time.Duration, bool) {
	var in struct {
		Sent       json.RawMessage `json:"deviceSendTime"`
		ServerRecv json.RawMessage `json:"serverRecvTime"`
		ServerSend json.RawMessage `json:"serverSendTime"`
	}
	if json.Unmarshal(payload, &in) != nil {
		return 0, false
	}
	var ms [3]int64
	for i, b := range []json.RawMessage{in.ServerRecv, in.ServerSend, in.Sent} {
		n, err := strconv.ParseInt(uplink.Word(b), 10, 64)
		if err != nil || n < 0 || n > 1e14 { // until the year 5138
			return 0, false
		}
		ms[i] = n
	}
	recv := received.UnixMilli()
	return time.Duration(exact(ms[0], ms[1], recv, ms[2])-recv) * time.Millisecond, true
}
