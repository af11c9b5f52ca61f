package cluster

import (
	"os"
	"strings"
	"testing"
	"time"

	"meterd/uplink"
)

func TestMain(m *testing.M) {
	RunAsNode()
	os.Exit(m.Run())
}

// TestNodesAreKilled in turn, while meterd delivers: every reading arrives.
func TestNodesAreKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("make cluster plays it with a picture")
	}
	phase := ""
	v, err := Play(t.Context(), t.TempDir(), func(p Picture) {
		if p.Phase != phase {
			phase = p.Phase
			t.Log(p.Lines()[0])
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(v)
	if err := v.Err(); err != nil {
		t.Error(err)
	}
}

// TestPicture: which node is dead, where meterd is, and what waits.
func TestPicture(t *testing.T) {
	p := Picture{
		Phase: "round 2 of 3: n1 is KILLED, meterd was on n3", Elapsed: 12 * time.Second, Nodes: []string{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}, Up: []bool{false, true, true},
		Taken: 6000, Stored: 4500, State: uplink.State{Broker: "tcp://127.0.0.1:3", Connected: true, Queued: 1500}, Happened: []string{"it happened"},
	}
	text := strings.Join(p.Lines(), "\n")
	for _, want := range []string{"12s   round 2 of 3", "n1  127.0.0.1:1      KILLED\n", "n3  127.0.0.1:3      up  ← meterd delivers here", "METERD  connected", "████████████████████···", " 1500 readings", "  it happened", "stored 4500 of 6000"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	p.State.Connected, p.State.LastErr = false, "connection refused"
	if text := strings.Join(p.Lines(), "\n"); !strings.Contains(text, "meterd tries it") || !strings.Contains(text, "NOT CONNECTED: connection refused") {
		t.Errorf("not connected: %s", text)
	}
	if len(p.Lines()) != len((Picture{Nodes: p.Nodes, Up: p.Up}).Lines()) {
		t.Error("the picture changes its height")
	}
}

// TestVerdict: what is not whole fails.
func TestVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		v    Verdict
		good bool
	}{
		"all":                        {Verdict{Readings: 9, Stored: 9, Repeats: 3}, true},
		"one is missing":             {Verdict{Readings: 9, Stored: 8}, false},
		"one is not what it was":     {Verdict{Readings: 9, Stored: 9, Violations: []string{"x"}}, false},
		"meterd stays with the dead": {Verdict{Readings: 9, Stored: 9, Stayed: []string{"n1"}}, false},
	} {
		if err := c.v.Err(); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
