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

// holdsBoardState holds what a running board with one online meter reports of
// itself against the lists in docs/platforms.md and its twin in Chinese.
func holdsBoardState(t *testing.T, st *Station) {
	t.Helper()
	lists := map[string]string{}
	for page, heading := range map[string]string{"docs/platforms.md": "## The board itself", "docs/platforms.zh-CN.md": "## 网关自身"} {
		paper, err := os.ReadFile("../../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		_, list, _ := strings.Cut(string(paper), heading)
		lists[page], _, _ = strings.Cut(list, "\n## ")
	}
	sh := st.onDuty()
	want := map[string]string{
		"gateway_version": `"test"`, "gateway_ring": `"flash"`, "gateway_lines": "1", "gateway_lines_down": `""`, "gateway_meters": "1", "gateway_meters_online": "1",
		"gateway_started": `"board"`, "gateway_ring_hours": "0",
	}
	all := sh.boardState(time.Now())
	last, still := -1, []string{"gateway_version", "gateway_clock", "gateway_ring", "gateway_lines", "gateway_lines_down", "gateway_meters", "gateway_meters_online", "gateway_started", "gateway_clock_source"}
	for _, v := range all {
		i := slices.Index(uplink.BoardKeys, v.Key)
		if i <= last {
			t.Errorf("%s is number %d of the identifiers, after %d", v.Key, i, last)
		}
		for page, list := range lists {
			_, row, there := strings.Cut(list, "\n| `"+v.Key+"` |")
			row, _, _ = strings.Cut(row, "\n")
			if !there || !strings.Contains(row, fmt.Sprintf(" | %d | ", 101+i)) {
				t.Errorf("%s does not list %s with data point %d", page, v.Key, 101+i)
			}
			if moves := strings.Contains(row, "; moves |") || strings.Contains(row, "；常变 |"); moves != v.Moves {
				t.Errorf("%s says of %s that it moves: %v", page, v.Key, moves)
			}
		}
		last = i
		if _, number := json.Number(v.JSON).Float64(); (number != nil) != slices.Contains(uplink.BoardTexts, v.Key) {
			t.Errorf("%s is %s, which is not of its type", v.Key, v.JSON)
		}
		if value, known := want[v.Key]; known && string(v.JSON) != value {
			t.Errorf("%s is %s, want %s", v.Key, v.JSON, value)
		}
		if moves := !slices.Contains(still, v.Key); v.Moves != moves {
			t.Errorf("%s moves: %v", v.Key, v.Moves)
		}
		delete(want, v.Key)
	}
	if len(want) > 0 {
		t.Errorf("%v are not reported", want)
	}
	for page, list := range lists {
		if n := strings.Count(list, "| `gateway_"); n != len(uplink.BoardKeys) {
			t.Errorf("%s lists %d, there are %d", page, n, len(uplink.BoardKeys))
		}
	}
}
