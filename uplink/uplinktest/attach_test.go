package uplinktest

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// ears are a platform that notes what comes.
type ears struct {
	mu    sync.Mutex
	heard []string
	more  chan struct{}
}

func (*ears) Topics() []string { return []string{"up"} }

func (e *ears) Receive(_ string, payload []byte, _ time.Time) []Out {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, string(payload))
	if len(e.heard) == cap(e.more) {
		close(e.more)
	}
	return nil
}

// TestAttachmentComesBack through kills of the broker, and hears messages in
// the order in which they were sent.
func TestAttachmentComesBack(t *testing.T) {
	t.Parallel()
	m, err := NewMosquitto(t.TempDir(), map[string]string{"platform": "x", "gateway": "y"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Stop()
	const sent = 500
	e := &ears{more: make(chan struct{}, sent)}
	a, err := Attach(e, m.Addr(), "platform", "x")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		m.Stop()
		if err := m.Start(); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for i := range sent {
		want = append(want, strings.Repeat("x", i%7)+time.Duration(i).String())
		for a.Publish(Out{Topic: "up", Payload: []byte(want[i])}) != nil { // to itself; a broken connection is not repeated by it
			t.Log("again")
		}
	}
	select {
	case <-e.more:
	case <-time.After(time.Minute):
		t.Fatalf("%d of %d were heard", len(e.heard), sent)
	}
	if got := strings.Join(e.heard, " "); got != strings.Join(want, " ") {
		t.Errorf("not in the order of sending: %s", got)
	}
	a.Close()
	if err := a.Publish(Out{Topic: "up"}); err == nil {
		t.Error("a closed one sends")
	}
	m.Stop()
	if _, err := Attach(e, "127.0.0.1:1", "platform", "x"); err == nil {
		t.Error("attached to nobody")
	}
}
