package console

import (
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
)

// TestAScreenThatIsNarrow: on a telephone's 40 columns lines are broken between
// their words, and no word is lost. What is longer than a screen of the usual
// width is left whole.
func TestAScreenThatIsNarrow(t *testing.T) {
	s := Session{Terminal: Terminal{Columns: 40, Lines: 24}}
	status := Status{Gateway: "gw0001", Version: "v1", Now: time.Unix(0, 0), Buses: []BusStatus{{Name: "b1", Port: "/dev/ttyS1", PortErr: "no such file or directory"}},
		Meters: []MeterStatus{{Name: "一号楼 1 室", Address: "202411200101", Bus: "b1", Online: true, Success: 1}}}
	detail := MeterDetail{MeterStatus: status.Meters[0], Now: time.Unix(0, 0), Values: []PointValue{{"voltage.a", "219.4", "V"}, {"energy.reverse.t3", "0.00", "kWh"}}}
	for _, text := range []string{status.Text("en"), status.Text("zh"), detail.Text("en"), detail.Text("zh")} {
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			pieces := s.broken(line)
			if got, want := strings.Fields(strings.Join(pieces, " ")), strings.Fields(line); strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("got %q of %q", pieces, line)
			}
			for _, p := range pieces {
				if cells.StringWidth(p) >= 40 {
					t.Errorf("%q has %d columns", p, cells.StringWidth(p))
				}
			}
		}
	}
	frame := strings.Repeat("FE ", 60)
	if got := s.broken(frame); len(got) != 1 || got[0] != frame {
		t.Errorf("a frame is broken: %q", got)
	}
	s.Terminal.Columns = 80
	if line := strings.Repeat("x ", 39); len(s.broken(line)) != 1 {
		t.Error("a line of the usual width is broken")
	}
}

// TestWhatIsNotKnownOfAMeterIsLeftOut: a list of faults without any, an edition
// that the configuration says.
func TestWhatIsNotKnownOfAMeterIsLeftOut(t *testing.T) {
	d := MeterDetail{Learned: NewLearned("", "202411200101", dlt645.Text{}, nil, nil), Values: []PointValue{{Point: "fault"}}, MeterStatus: MeterStatus{LastErr: "noise: " + strings.Repeat("x ", 60)}}
	text := d.Text("en")
	for _, want := range []string{"\nnumber 202411200101\n", "\nfault                  -\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s, want %q", text, want)
		}
	}
	if strings.Contains(text, "edition") || strings.Count(text, "x ") < 50 {
		t.Errorf("got %s", text)
	}
}

// TestTheClocksSourceHasAWordInChinese: each that it may be.
func TestTheClocksSourceHasAWordInChinese(t *testing.T) {
	for source, want := range map[string]string{"ntp": "NTP", "rtc": "RTC", "meters": "电表", "system": "系统", "none": "无", "platform tuya": "平台 tuya", "server 10.0.0.1": "NTP 服务器 10.0.0.1"} {
		if got := sourceWord("zh", source); got != want || sourceWord("en", source) != source {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}
