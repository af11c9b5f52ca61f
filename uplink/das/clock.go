package das

import (
	"encoding/json"
	"strconv"
	"time"

	"meterd/uplink"
)

// NTP gives the message that asks the platform for the time. The answer comes
// to the topic of the message with "/response" behind it, which Topics leaves
// out: who uses this subscribes to it.
func (d *DAS) NTP(now time.Time) uplink.Message {
	id := d.nextID()
	return d.message(topicNTP, id, struct {
		ID   string `json:"id"`
		Sent int64  `json:"deviceSendTime"`
	}{id, now.UnixMilli()})
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
		n, err := strconv.ParseInt(word(b), 10, 64)
		if err != nil || n < 0 || n > 1e14 { // until the year 5138
			return 0, false
		}
		ms[i] = n
	}
	recv := received.UnixMilli()
	return time.Duration(exact(ms[0], ms[1], recv, ms[2])-recv) * time.Millisecond, true
}
