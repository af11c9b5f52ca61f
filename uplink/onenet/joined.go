package onenet

import (
	"bytes"
	"encoding/json"
	"fmt"

	"meterd/uplink"
)

// A stream has one value a second. Where that is an object, a second message
// with the same stream and second would replace the members that the first one
// wrote: two readings of a meter in one second, or the halves of a reading that
// was divided. So the delivery has only one of them on its way at a time, and
// the second takes along what the platform has accepted of the first.

// mostJoined is how many values are remembered, the newest.
const mostJoined = 1024

// joined remembers the objects that the platform has.
type joined struct {
	has   map[string]json.RawMessage // accepted, by key
	order []string                   // of has, the oldest first
	out   map[string][]keyed         // on their way, by the message's id
}

// keyed is an object under its key.
type keyed struct {
	key   string
	value json.RawMessage
}

func newJoined() joined {
	return joined{has: map[string]json.RawMessage{}, out: map[string][]keyed{}}
}

// keyOf names the value of a stream at a second.
func keyOf(topic, stream string, second int64) string {
	return fmt.Sprintf("%s/%s@%d", topic, stream, second)
}

func isObject(v json.RawMessage) bool { return bytes.HasPrefix(v, []byte("{")) }

// keys are those of a message's objects.
func (p *post) keys() []string {
	var all []string
	for name, points := range p.streams {
		for _, v := range points {
			if isObject(v.V) {
				all = append(all, keyOf(p.topic, name, v.T))
			}
		}
	}
	return all
}

// Complete joins a message's objects with what the platform has under the same
// streams and seconds.
func (s *Suite) Complete(m uplink.Message) uplink.Message {
	var in content
	if json.Unmarshal(m.Payload, &in) != nil {
		return m
	}
	var out []keyed
	changed := false
	for stream, points := range in.DP {
		for i, v := range points {
			if !isObject(v.V) {
				continue
			}
			key := keyOf(m.Topic, stream, v.T)
			if old, there := s.joined.has[key]; there {
				points[i].V, changed = join(old, v.V), true
			}
			out = append(out, keyed{key, points[i].V})
		}
	}
	s.joined.out[m.ID] = out
	if changed {
		m.Payload = in.encode()
	}
	return m
}

// settled notes what became of a message.
func (j *joined) settled(id string, accepted bool) {
	for _, k := range j.out[id] {
		if !accepted {
			break
		}
		if _, there := j.has[k.key]; !there {
			j.order = append(j.order, k.key)
		}
		j.has[k.key] = k.value
	}
	delete(j.out, id)
	for len(j.order) > mostJoined {
		delete(j.has, j.order[0])
		j.order = j.order[1:]
	}
}
