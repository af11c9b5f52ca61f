package station

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"meterd/uplink"
)

// holdsBoardState holds what a running board with one online meter tells of
// itself against the list in docs/platforms.md.
func holdsBoardState(t *testing.T, st *Station) {
	t.Helper()
	paper, err := os.ReadFile("../../../docs/platforms.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(paper), "## The board itself")
	list, _, _ = strings.Cut(list, "\n## ")
	sh := st.onDuty()
	want := map[string]string{
		"gateway_version": `"test"`, "gateway_ring": `"flash"`, "gateway_lines": "1", "gateway_lines_down": `""`, "gateway_meters": "1", "gateway_meters_online": "1",
	}
	all := sh.boardState(time.Now())
	for i, v := range all {
		if i >= len(uplink.BoardKeys) || v.Key != uplink.BoardKeys[i] || !strings.Contains(list, fmt.Sprintf("| %d |", 101+i)) {
			t.Errorf("%s is not number %d of the identifiers, or of the data points", v.Key, i)
		}
		if !strings.Contains(list, "| `"+v.Key+"` |") {
			t.Errorf("docs/platforms.md does not list %s", v.Key)
		}
		if value, known := want[v.Key]; known && string(v.JSON) != value {
			t.Errorf("%s is %s, want %s", v.Key, v.JSON, value)
		}
		if moves := strings.HasSuffix(v.Key, "_uptime") || strings.HasSuffix(v.Key, "_used"); v.Moves != moves {
			t.Errorf("%s moves: %v", v.Key, v.Moves)
		}
		delete(want, v.Key)
	}
	if n := strings.Count(list, "| `gateway_"); len(want) > 0 || n != len(all) {
		t.Errorf("%v are not told; the paper lists %d, told are %d", want, n, len(all))
	}
}
