package onenet

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"meterd/dlt645"
	"meterd/uplink"
)

// point is a value with its time.
type point struct {
	V json.RawMessage `json:"v"`
	T int64           `json:"t"` // s
}

// mostPayload keeps a message well under the platform's 256 KB.
const mostPayload = 64 << 10

// post is a message in the making.
type post struct {
	topic   string
	meter   dlt645.Address
	streams map[string][]point
	covers  []int
	size    int
}

// Encode puts many readings into a message, each value with its own time:
// without one it would be stored under the time of its arrival, and again with
// each repeat.
func (s *Suite) Encode(_ [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	posts := map[string]*post{}
	var order []*post
	flush := func(p *post) {
		enc.Messages = append(enc.Messages, s.message(p))
		delete(posts, p.topic)
	}
	for i, u := range units {
		d, topic, at := s.target(u)
		if d == nil {
			continue
		}
		streams := s.streams(&enc, d, u)
		if len(streams) == 0 {
			continue
		}
		p := posts[topic]
		if p == nil {
			p = &post{topic: topic, streams: map[string][]point{}}
			if s.apart(d) {
				p.meter = d.Address()
			}
			posts[topic] = p
			order = append(order, p)
		}
		for name, v := range streams {
			p.add(name, point{v, at.Unix()})
		}
		if !slices.Contains(p.covers, i) {
			p.covers = append(p.covers, i)
		}
		if p.size > mostPayload {
			flush(p)
		}
	}
	for _, p := range order {
		if posts[p.topic] == p {
			flush(p)
		}
	}
	return enc
}

// target gives the device, topic and time of a unit.
func (s *Suite) target(u uplink.Unit) (d *uplink.Device, topic string, at time.Time) {
	a := dlt645.Address{}
	if u.Event != nil {
		a, at = u.Event.Meter, u.Event.Time
	} else {
		a, at = u.Reading.Meter, u.Reading.Time
	}
	d, topic = s.dir.Of(a), s.own(postTopic)
	if s.apart(d) {
		topic = s.sub(d, postTopic)
	}
	return d, topic, at
}

// streams gives the streams of a unit. What has a name that the platform does
// not take is withheld.
func (s *Suite) streams(enc *uplink.Encoded, d *uplink.Device, u uplink.Unit) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	if e := u.Event; e != nil {
		// Under its kind, so that several of one second are one object.
		v, _ := json.Marshal(map[string]any{uplink.EventIdentifier(e.Kind): map[string]string{"by": e.By, "text": clip(e.Text, 200)}})
		name := "event"
		if !s.apart(d) {
			name = d.ID + "_event"
		}
		if !StreamName(name) {
			enc.Withhold("event")
			return nil
		}
		out[name] = v
		return out
	}
	object := map[string]json.RawMessage{}
	for _, v := range s.dir.Values(u.Reading.Values) {
		name := v.Key
		if s.Streams == StreamsFlat {
			name = d.ID + "_" + v.Key
		}
		switch {
		case !StreamName(name):
			enc.Withhold(v.Point)
		case s.Streams == StreamsObject, s.Streams == StreamsSubdev && !s.apart(d):
			object[v.Key] = v.JSON
		default:
			out[name] = v.JSON
		}
	}
	if len(object) > 0 {
		out[d.ID], _ = json.Marshal(object)
	}
	return out
}

func clip(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}

// add puts a point into a stream. Points of one stream and second are one for
// the platform: objects are joined.
func (p *post) add(name string, v point) {
	for i, old := range p.streams[name] {
		if old.T == v.T {
			p.streams[name][i].V = join(old.V, v.V)
			return
		}
	}
	p.streams[name] = append(p.streams[name], v)
	p.size += len(v.V) + 24
}

func join(a, b json.RawMessage) json.RawMessage {
	var x, y map[string]json.RawMessage
	if !bytes.HasPrefix(a, []byte("{")) || json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return b
	}
	for k, v := range y {
		name := k
		if bytes.HasPrefix(v, []byte("{")) { // of events of one kind none replaces another
			for n := 2; x[name] != nil && !bytes.Equal(x[name], v); n++ {
				name = fmt.Sprintf("%s_%d", k, n)
			}
		}
		x[name] = v
	}
	out, err := json.Marshal(x)
	if err != nil {
		return b
	}
	return out
}

func (s *Suite) message(p *post) uplink.Message {
	id := s.nextID()
	for _, points := range p.streams {
		slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.T, b.T) })
	}
	return uplink.Message{
		ID: fmt.Sprintf("dp:%d", id), Topic: p.topic, Payload: content{id, p.streams}.encode(), Meter: p.meter, Covers: p.covers, Keys: p.keys(),
	}
}

// content is a message of data points.
type content struct {
	ID int32              `json:"id"`
	DP map[string][]point `json:"dp"`
}

func (c content) encode() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // our own types always marshal
	}
	return b
}
