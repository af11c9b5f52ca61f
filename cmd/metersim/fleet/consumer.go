package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"meterd/uplink/uplinktest"
)

// consumer stands for what stores behind the brokers: it knows which readings
// have come, and says so where that is wanted.
type consumer struct {
	replies bool

	mu      sync.Mutex
	stored  map[place]bool // guarded by mu
	repeats int            // guarded by mu
	wrong   []string       // guarded by mu
	last    time.Time      // when something came; guarded by mu
}

// place is a reading of some board.
type place struct {
	board int
	key
}

func newConsumer(replies bool) *consumer {
	return &consumer{replies: replies, stored: map[place]bool{}}
}

// Topics are the readings of all boards.
func (*consumer) Topics() []string { return []string{prefix + "/+/meter/+/readings"} }

// Receive stores what a message holds.
func (c *consumer) Receive(topic string, payload []byte, now time.Time) []uplinktest.Out {
	var in struct {
		ID    string `json:"id"`
		Meter string `json:"meter"`
		Rows  []struct {
			TS     int64 `json:"ts"`
			Values struct {
				Energy json.Number `json:"energy_forward_total"`
			} `json:"values"`
		} `json:"rows"`
	}
	levels := strings.Split(topic, "/")
	err := json.Unmarshal(payload, &in)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = now
	board, meter, good := 0, 0, err == nil && len(in.Meter) == 12 && levels[3] == in.Meter && len(in.Rows) > 0
	if good {
		board, _ = strconv.Atoi(in.Meter[:6])
		meter, _ = strconv.Atoi(in.Meter[6:])
		good = levels[1] == fmt.Sprintf("board%05d", board)
	}
	for _, r := range in.Rows {
		e := energy(r.TS)
		good = good && string(r.Values.Energy) == fmt.Sprintf("%d.%02d", e/100, e%100)
	}
	if !good {
		if len(c.wrong) < 100 {
			c.wrong = append(c.wrong, fmt.Sprintf("%s: %.200s", topic, payload))
		}
		return nil
	}
	for _, r := range in.Rows {
		at := place{board, key{meter, r.TS}}
		if c.stored[at] {
			c.repeats++
		}
		c.stored[at] = true
	}
	if !c.replies {
		return nil
	}
	return []uplinktest.Out{{Topic: prefix + "/" + levels[1] + "/ack", Payload: fmt.Appendf(nil, `{"id":%q}`, in.ID)}}
}

func (c *consumer) has(board int, k key) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stored[place{board, k}]
}

func (c *consumer) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.stored)
}

func (c *consumer) tally() (stored, repeats int, wrong []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.stored), c.repeats, c.wrong
}

// settle waits until nothing has come for a while: what the brokers have taken
// may still be on its way.
func (c *consumer) settle(ctx context.Context, quiet time.Duration) {
	for end := time.Now().Add(mostDrain); time.Now().Before(end); {
		c.mu.Lock()
		since := time.Since(c.last)
		c.mu.Unlock()
		if since >= quiet || rest(ctx, look) != nil {
			return
		}
	}
}
