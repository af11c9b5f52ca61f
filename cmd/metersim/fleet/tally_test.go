package fleet

import (
	"bytes"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// TestTallyCountsMessages in whatever pieces their bytes come.
func TestTallyCountsMessages(t *testing.T) {
	var wire bytes.Buffer
	for _, size := range []int{0, 1, 100, 127, 128, 300, 20000, 70000} {
		m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		m.Qos, m.TopicName, m.MessageID, m.Payload = 1, "a/b", 7, bytes.Repeat([]byte{publish}, size)
		if err := m.Write(&wire); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []byte{packets.Puback, packets.Pingreq, packets.Pingresp} {
			if err := packets.NewControlPacket(kind).Write(&wire); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, piece := range []int{1, 2, 3, 7, 1000, wire.Len()} {
		var n Tally
		s := Stream{Of: &n}
		for rest := wire.Bytes(); len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			s.Write(rest[:min(piece, len(rest))])
		}
		if n.Messages.Load() != 8 || n.Bytes.Load() != int64(wire.Len()) {
			t.Errorf("pieces of %d: %d messages in %d bytes, want 8 in %d", piece, n.Messages.Load(), n.Bytes.Load(), wire.Len())
		}
	}
}

// TestPeak finds the busiest second.
func TestPeak(t *testing.T) {
	for _, c := range []struct {
		at   []int // ms
		want int
	}{{nil, 0}, {[]int{5}, 1}, {[]int{0, 999, 1000}, 2}, {[]int{0, 1000, 1500, 1999, 2600}, 3}} {
		var at []time.Duration
		for _, ms := range c.at {
			at = append(at, time.Duration(ms)*time.Millisecond)
		}
		if got := peak(at); got != c.want {
			t.Errorf("%v: %d, want %d", c.at, got, c.want)
		}
	}
}
