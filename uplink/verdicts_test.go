package uplink

import (
	"io"
	"testing"
	"time"
)

// TestAConnectionThatEndsForNoMessageBlamesNone, wherever they stand, also those
// that wait for their meter.
func TestAConnectionThatEndsForNoMessageBlamesNone(t *testing.T) {
	s := newStage(t, 4, meter1)
	suspect := func() *request {
		r := &request{Message: Message{ID: "x", Meter: meter1}, recs: []*record{{seq: 1}}}
		r.suspected, r.blamed, r.unheard = true, 3, 2
		return r
	}
	places := map[string]func(r *request){
		"ready":   func(r *request) { s.d.window.put(r) },
		"a part":  func(r *request) { s.d.window.split([]*request{r}) },
		"later":   func(r *request) { s.d.window.delay(r, s.now) },
		"held":    func(r *request) { s.d.window.hold(r) },
		"blocked": func(r *request) { s.d.window.blocked = append(s.d.window.blocked, r) },
		"sent":    func(r *request) { s.d.window.send(s.now.Add(-time.Hour), r) },
	}
	all := map[string]*request{}
	for place, put := range places {
		all[place] = suspect()
		put(all[place])
	}
	s.d.cut(s.now, io.EOF, "gw1")
	for place, r := range all {
		if r.suspected || r.blamed != 0 || r.unheard != 2 {
			t.Errorf("%s: it is still suspected: %+v", place, r.suspicion)
		}
	}
}
