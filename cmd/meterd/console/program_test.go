package console

import (
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
)

// TestAProgramIsTold in each state, in both languages.
func TestAProgramIsTold(t *testing.T) {
	soon := time.Now().Add(7 * time.Minute)
	for _, tc := range []struct {
		p      ProgramStatus
		en, zh []string
	}{
		{ProgramStatus{Version: "1.0", Board: "armv7"}, []string{"program 1.0 (armv7)", "not started by its launcher"}, []string{"程序 1.0（armv7）", "启动器"}},
		{ProgramStatus{Version: "1.1", Board: "armv7", Able: true, State: "proved", To: "1.1", From: "1.0", By: "stick", Floor: "1.1"}, []string{"program 1.1 (armv7), by stick; 1.0 ran before it", "none older than 1.1"}, []string{"来自 stick；此前为 1.0", "早于 1.1"}},
		{ProgramStatus{Version: "1.2", Board: "armv7", Able: true, State: "proved", To: "1.1"}, []string{"program 1.2 (armv7)\n"}, []string{"程序 1.2（armv7）\n"}}, // a package since
		{ProgramStatus{Version: "1.0", Able: true, State: "written", To: "1.1"}, []string{"1.1 is whole in its place"}, []string{"1.1 已写入"}},
		{ProgramStatus{Version: "1.1", Able: true, State: "trial", To: "1.1", From: "1.0", Until: &soon}, []string{"1.1 is on trial", "1.0 ran before it"}, []string{"1.1 试运行中"}},
		{ProgramStatus{Version: "1.0", Able: true, State: "back", To: "1.1", Says: dlt645.Text{EN: "no meter answered", ZH: "没有电表应答"}}, []string{"1.1 was taken back, 1.0 runs: no meter answered"}, []string{"1.1 已撤回，正在运行 1.0：没有电表应答"}},
	} {
		for lang, want := range map[string][]string{"en": tc.en, "zh": tc.zh} {
			got := tc.p.Text(lang)
			for _, w := range want {
				if !strings.Contains(got, w) {
					t.Errorf("%+v: %q lacks %q", tc.p, got, w)
				}
			}
		}
	}
}
