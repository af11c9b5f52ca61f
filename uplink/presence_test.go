package uplink

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// halls is a platform whose meters log in and out.
type halls struct{ twoItems }

func (p *halls) Leave(_ time.Time, d *Device) (Message, []string, bool) {
	return Message{Topic: "logout " + d.ID}, []string{"topic of " + d.ID}, true
}

// TestMetersComeAndGo: one is registered when it answers or when something of
// it is to be delivered, never before, and leaves when it is dead and all is
// delivered.
func TestMetersComeAndGo(t *testing.T) {
	s := newStage(t, 16, meter1, meter2)
	p := &halls{*s.p}
	p.greeted = 0
	s.d = newDelivery(p, s.src, 16, 10*time.Second, [16]byte{})
	s.d.connected(s.now)
	states := map[dlt645.Address]meter.MeterState{meter1: {Address: meter1}, meter2: {Address: meter2}}
	attend := func(want ...string) {
		t.Helper()
		var left []string
		for _, l := range s.d.attend(s.now, []meter.MeterState{states[meter1], states[meter2]}) {
			left = append(left, l.message.Topic, l.topics[0])
		}
		if !slices.Equal(left, want) {
			t.Fatalf("left %v, want %v", left, want)
		}
	}
	register := func(a dlt645.Address, n int) string { return fmt.Sprintf("register %s %d", a, n) }
	is := func(a dlt645.Address, online bool) {
		states[a] = meter.MeterState{Address: a, Known: true, Online: online}
	}
	gone1, gone2 := []string{"logout 000000000001", "topic of 000000000001"}, []string{"logout 000000000002", "topic of 000000000002"}

	attend() // nobody was asked yet
	s.want()
	is(meter1, true)
	is(meter2, false)
	attend(gone2...) // from an earlier connection it may be online
	s.want(register(meter1, 1))
	s.answer(Accepted, register(meter1, 1))
	attend()
	s.src.add(meter1)
	s.want("1/a", "1/b")
	is(meter1, false)
	attend() // something of it is on its way
	s.answer(Accepted, "1/a", "1/b")
	attend(gone1...)
	attend()
	s.src.add(meter2) // a reading of before
	s.want(register(meter2, 2))
	attend()
	s.answer(Accepted, register(meter2, 2))
	s.want("2/a", "2/b")
	attend()
	s.answer(Accepted, "2/a", "2/b")
	attend(gone2...)
	is(meter1, true)
	attend()
	s.want(register(meter1, 3))
	s.answer(Accepted, register(meter1, 3))
	is(meter1, false)
	attend(gone1...)
	s.d.connected(s.now)
	s.want()
	attend(append(gone1, gone2...)...)
	s.cursor(2)
}
