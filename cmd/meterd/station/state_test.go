package station

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
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
		"gateway_started": `"board"`, "gateway_ring_hours": "0",
	}
	all := sh.boardState(time.Now())
	last, still := -1, []string{"gateway_version", "gateway_clock", "gateway_ring", "gateway_lines", "gateway_lines_down", "gateway_meters", "gateway_meters_online", "gateway_started", "gateway_clock_source"}
	for _, v := range all {
		i := slices.Index(uplink.BoardKeys, v.Key)
		if i <= last || !strings.Contains(list, fmt.Sprintf("| `%s` |", v.Key)) || !strings.Contains(list, fmt.Sprintf(" | %d | ", 101+i)) {
			t.Errorf("%s is number %d of the identifiers, after %d, or not of the data points", v.Key, i, last)
		}
		last = i
		if _, number := json.Number(v.JSON).Float64(); (number != nil) != slices.Contains(uplink.BoardTexts, v.Key) {
			t.Errorf("%s is %s, which is not of its type", v.Key, v.JSON)
		}
		if !strings.Contains(list, "| `"+v.Key+"` |") {
			t.Errorf("docs/platforms.md does not list %s", v.Key)
		}
		if value, known := want[v.Key]; known && string(v.JSON) != value {
			t.Errorf("%s is %s, want %s", v.Key, v.JSON, value)
		}
		if moves := !slices.Contains(still, v.Key); v.Moves != moves {
			t.Errorf("%s moves: %v", v.Key, v.Moves)
		}
		delete(want, v.Key)
	}
	if n := strings.Count(list, "| `gateway_"); len(want) > 0 || n != len(uplink.BoardKeys) {
		t.Errorf("%v are not told; the paper lists %d, there are %d", want, n, len(uplink.BoardKeys))
	}
}
