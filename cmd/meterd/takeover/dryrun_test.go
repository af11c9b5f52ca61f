package takeover

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"meterd/cmd/meterd/config"
	"meterd/store"
)

// TestDryRun tries configurations on this machine. Each has one mistake, which
// is told with its line.
func TestDryRun(t *testing.T) {
	dir := t.TempDir()
	text := strings.ReplaceAll(configText, "DIR", dir)
	if err := os.WriteFile(filepath.Join(dir, "text.txt"), []byte(strings.Repeat("no ring\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	ring, err := store.Open(filepath.Join(dir, "there.ring"), store.Options{Geometry: store.Geometry{Size: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Close(); err != nil {
		t.Fatal(err)
	}
	tls := "[[uplink]]\nname = \"u\"\nkind = \"tuya\"\nbroker = \"ssl://x:8883\"\nusername = \"u\"\nca = \"/none/ca.pem\"\n[uplink.tuya]\nproduct_id = \"p\"\n"
	for _, c := range []struct {
		what, old, new string
		want           string // "" : nothing
		warning        bool
	}{
		{"all is well: the port is ours", "", "", "", false},
		{"a port that is not there", `"/dev/none"`, `"/dev/other"`, "meterd.toml:9: error: [[bus]]", false},
		{"a serial server that is not there", `"/dev/none"`, `"tcp://127.0.0.1:1"`, "meterd.toml:9: warning: [[bus]]", true},
		{"a ring in no directory", dir + "/x.ring", "/none/x.ring", "meterd.toml:4: error: [store]: path", false},
		{"a ring that is none", dir + "/x.ring", dir + "/text.txt", "meterd.toml:4: error: [store]: path", false},
		{"a ring that is there already", dir + "/x.ring", dir + "/there.ring", "", false},
		{"a ring that does not fit", `size = "1MiB"`, `size = "1000000GiB"`, "the ring needs 1024000000 MiB", false},
		{"a socket in no directory", dir + "/sock", "/none/sock", "meterd.toml:7: error: console.socket: there is no directory /none", false},
		{"a certificate that is not there", "[console]", tls + "[console]", "error: [[uplink]] \"u\": there is no file /none/ca.pem", false},
		{"a watchdog that is not there", "[console]", "[board]\nwatchdog = \"/dev/none\"\n[console]", "meterd.toml:7: warning: board.watchdog", true},
		{"an LED that is not there", "[console]", "[board]\nled = \"none\"\n[console]", "meterd.toml:7: warning: board.led", true},
	} {
		t.Run(c.what, func(t *testing.T) {
			running, _ := config.Parse("x.toml", strings.Replace(text, "x.ring", "before.ring", 1))
			p := New(NewFiles(filepath.Join(dir, "meterd.toml")), discard()).examine(Candidate{Text: strings.Replace(text, c.old, c.new, 1)})
			if !config.Failed(p.Problems) {
				p.try(running, dir)
			}
			var told []string
			for _, problem := range p.Problems {
				told = append(told, problem.String())
				if zh := problem.In("zh"); !strings.ContainsFunc(zh[strings.Index(zh, ":"):], func(r rune) bool { return unicode.Is(unicode.Han, r) }) || problem.Hint != "" && problem.HintZH == "" {
					t.Errorf("in Chinese it is %q", zh)
				}
			}
			all := strings.Join(told, "\n")
			switch {
			case c.want == "" && len(told) > 0:
				t.Errorf("told %s", all)
			case !strings.Contains(all, c.want):
				t.Errorf("told %q, want %q", all, c.want)
			case p.Accepted() != (c.want == "" || c.warning):
				t.Errorf("accepted %v: %s", p.Accepted(), fmt.Sprint(told))
			}
			if _, err := os.Stat(filepath.Join(dir, "x.ring")); err == nil {
				t.Error("the ring was made")
			}
		})
	}
}
