package tuya

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

type reportParam struct {
	CID   string          `json:"cid"`
	ID    string          `json:"id"`
	Value json.RawMessage `json:"value"`
}

// Encode gives one message for each data point, with the reading's own time.
func (t *Tuya) Encode(store [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	for i, u := range units {
		if u.Reading == nil {
			continue
		}
		one := t.encode(store, u.Seq, u.Reading)
		for k := range one.Messages {
			one.Messages[k].Covers = []int{i}
		}
		enc.Add(one)
	}
	return enc
}

func (t *Tuya) encode(store [16]byte, seq uint64, r *meter.Reading) uplink.Encoded {
	var enc uplink.Encoded
	d := t.dir.Of(r.Meter)
	if d == nil {
		return enc
	}
	add := func(dpID string, v json.RawMessage) {
		m := t.message(topicReport, requestID(t.Gateway, store, seq, dpID), r.Time, "", reportParam{d.ID, dpID, v})
		m.Meter, m.Item = r.Meter, dpID
		enc.Messages = append(enc.Messages, m)
	}
	for _, v := range r.Values {
		for _, row := range t.dir.Rows(v.Point) {
			dp, ok := findDP(row.To)
			if !ok {
				continue
			}
			js, known, fits := t.value(row, dp, v.Value)
			switch {
			case !known:
			case !fits:
				enc.Withhold(v.Point)
			default:
				add(row.To, js)
			}
		}
	}
	for _, p := range phases {
		if v, ok := t.phase(r, p.phase); ok {
			add(p.dp, v)
		}
	}
	return enc
}

// requestID is a UUID of version 8 (RFC 9562, 5.8) computed from what the
// message carries, so that the same item always has the same id, also after
// a restart, and an item of another board another one, though its ring is a
// copy of ours.
func requestID(gateway string, store [16]byte, seq uint64, item string) string {
	sum := sha256.Sum256(fmt.Appendf(slices.Clone(store[:]), "/%d/%s/%s", seq, item, gateway))
	return uuid([16]byte(sum[:16]), 8)
}

// Restamp gives an item that the platform finds too old the present time, if
// the configuration asks for that.
func (t *Tuya) Restamp(now time.Time, m uplink.Message) (uplink.Message, bool) {
	var e struct {
		Param reportParam `json:"param"`
	}
	if !t.RestampOld || json.Unmarshal(m.Payload, &e) != nil {
		return m, false
	}
	n := t.message(topicReport, requestID(t.Gateway, [16]byte{}, 0, "restamp of "+m.ID), now, "", e.Param)
	n.Meter, n.Item = m.Meter, m.Item
	return n, true
}
