package fleet

import "sync/atomic"

// Tally counts what passes in one direction of connections.
type Tally struct {
	Bytes    atomic.Int64 // of MQTT
	Messages atomic.Int64 // PUBLISH packets that were complete
}

// Stream counts one connection's bytes, in their order, into a tally.
type Stream struct {
	Of *Tally

	kind byte // of the packet, with its flags
	size int  // of what follows its length
	at   int  // bytes of its head that have come
	left int  // bytes that are to come after its head
}

// Bits of a fixed header, MQTT 3.1.1 section 2.2.
const (
	publish    = 3 << 4
	moreLength = 0x80
)

// Write counts.
func (s *Stream) Write(b []byte) (int, error) {
	s.Of.Bytes.Add(int64(len(b)))
	for rest := b; len(rest) > 0; {
		if s.left > 0 {
			n := min(s.left, len(rest))
			s.left -= n
			rest = rest[n:]
			s.count()
			continue
		}
		c := rest[0]
		rest = rest[1:]
		if s.at == 0 {
			s.kind, s.at, s.size = c, 1, 0
			continue
		}
		s.size |= int(c&^moreLength) << (7 * (s.at - 1))
		if s.at++; c&moreLength == 0 || s.at > 4 {
			s.left, s.at = s.size, 0
			s.count()
		}
	}
	return len(b), nil
}

// count counts a packet that is complete.
func (s *Stream) count() {
	if s.left == 0 && s.kind&0xF0 == publish {
		s.Of.Messages.Add(1)
	}
}
