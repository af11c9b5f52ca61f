package uplink

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what comes in. All are our own: no platform tells any, and none
// sends a tenth of it.
const (
	mostInbound = 64 << 10 // bytes of a payload
	mostDepth   = 32       // objects and lists within one another
	mostDigits  = 64       // characters of a number
	// MostValue is how many bytes a value may have that is to be written to a
	// meter: no data field has more than 200 bytes, which are two digits each.
	MostValue = 400
	// MostID bounds the ids of a platform, and names of its that are echoed.
	MostID = 128
)

// Inbound is a message from a platform.
type Inbound struct {
	Topic    string
	Payload  []byte
	Retained bool // the broker had kept it: nobody says it now
}

// Sound reports whether one may publish on the message's topic. A broker lets
// no other pass; who builds the topic of a reply from it must not rely on that,
// since the broker ends the connection of who publishes on another one.
func (in Inbound) Sound() bool {
	return utf8.ValidString(in.Topic) && !strings.ContainsAny(in.Topic, "+#\x00")
}

// IsLevel reports whether a text can be one level of a topic that one publishes
// on.
func IsLevel(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsAny(s, "/+#") && !strings.ContainsFunc(s, unicode.IsControl)
}

// Decode reads the payload as JSON; false if it is none, or none that one may
// rely on: not UTF-8, out of bounds, or with a name twice in one object. The
// standard library would take the last of two for the one that counts, whatever
// their case, while another reader takes the first: who checked such a command
// may have seen another one than is carried out.
func (in Inbound) Decode(v any) bool {
	return len(in.Payload) <= mostInbound && utf8.Valid(in.Payload) && plain(in.Payload) && json.Unmarshal(in.Payload, v) == nil
}

// plain reports whether a JSON text is within bounds and has no name twice.
func plain(b []byte) bool {
	type level struct {
		names map[string]bool // of an object; nil: a list
		value bool            // a name has come, its value is next
	}
	var open []*level
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err != nil {
			return len(open) == 0 // the text has ended, or Unmarshal tells what is wrong with it
		}
		if end, ok := token.(json.Delim); ok && (end == '}' || end == ']') {
			open = open[:len(open)-1]
			continue
		}
		if n := len(open); n > 0 && open[n-1].names != nil {
			top := open[n-1]
			if name, ok := token.(string); ok && !top.value {
				if name = folded(name); top.names[name] {
					return false
				}
				top.names[name], top.value = true, true
				continue
			}
			top.value = false
		}
		switch v := token.(type) {
		case json.Number:
			if len(v) > mostDigits {
				return false
			}
		case json.Delim:
			if len(open) == mostDepth {
				return false
			}
			l := &level{}
			if v == '{' {
				l.names = map[string]bool{}
			}
			open = append(open, l)
		}
	}
}

// folded makes names the same that differ in case alone, as the standard
// library takes them.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return least
	}, name)
}
