package console

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meterd/dlt645"
)

// drawStatus gives any state of a board, with texts of any length.
func drawStatus(t *rapid.T) Status {
	now := time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC)
	word := rapid.OneOf(rapid.StringMatching(`[a-z0-9-]{0,30}`), rapid.SampledFrom([]string{"一号楼二单元三零一室的电表名字很长很长很长很长很长", "x", "dial tcp 10.0.0.1:1883: connect: no route to host", "坏\x1b[2J\n\r的", strings.Repeat("字", 60), strings.Repeat("m", 200)}))
	number := rapid.SampledFrom([]int{0, 1, 7, 1234, 2_000_000_000})
	some := func(label string) string { return rapid.OneOf(rapid.Just(""), word).Draw(t, label) }
	past := func(label string) *time.Time {
		if rapid.Bool().Draw(t, label) {
			return nil
		}
		at := now.Add(-time.Duration(rapid.SampledFrom([]int{-5, 0, 59, 3600, 86400 * 400}).Draw(t, label)) * time.Second)
		return &at
	}
	s := Status{
		Gateway: word.Draw(t, "gateway"), Version: word.Draw(t, "version"), Uptime: int64(number.Draw(t, "up")), Now: now,
		Clock: ClockStatus{Trusted: rapid.Bool().Draw(t, "trusted"), Source: word.Draw(t, "source"), Time: now},
		Ring: RingStatus{Capacity: int64(number.Draw(t, "cap")), Used: int64(number.Draw(t, "used")), First: uint64(number.Draw(t, "first")), Last: uint64(number.Draw(t, "last")),
			Corrupt: number.Draw(t, "corrupt"), LastErr: some("ring error"), Waiting: number.Draw(t, "waiting")},
		Config:   ConfigStatus{State: rapid.SampledFrom([]string{"proved", "trial", "partly", "back"}).Draw(t, "config"), Until: past("until"), Says: dlt645.Text{EN: some("says"), ZH: some("says")}},
		Watchdog: WatchdogStatus{LastErr: some("dog error"), Hung: some("hung")},
	}
	if rapid.Bool().Draw(t, "program") {
		version := word.Draw(t, "to")
		s.Program = ProgramStatus{Version: version, To: version, Board: "armv7", Able: true, State: rapid.SampledFrom([]string{"", "written", "trial", "proved", "back"}).Draw(t, "state"), From: word.Draw(t, "from version"), By: word.Draw(t, "by"), Until: past("trial"), Says: dlt645.Text{EN: some("why"), ZH: some("why")}}
	}
	if rapid.Bool().Draw(t, "health") {
		cpu := 100
		s.Health = HealthStatus{Started: rapid.SampledFrom([]string{"", "board", "crash", "reboot"}).Draw(t, "started"), MemoryTotal: 4 << 30, MemoryAvailable: int64(number.Draw(t, "available")), MemoryUsed: 2 << 30, CPU: &cpu, Temperature: "-40.5"}
	}
	if at := past("reset"); at != nil {
		s.Watchdog.LastReset = &ResetStatus{Loop: word.Draw(t, "loop"), Silent: 300, Time: *at}
	}
	for range rapid.IntRange(0, 8).Draw(t, "buses") {
		s.Buses = append(s.Buses, BusStatus{Name: word.Draw(t, "bus"), Port: word.Draw(t, "port"), PortErr: some("port error"), Load: rapid.Float64Range(0, 1.2).Draw(t, "load"),
			Planned: 1, Requests: number.Draw(t, "requests"), Noise: number.Draw(t, "noise"), Silence: number.Draw(t, "silence")})
	}
	for i := range rapid.SampledFrom([]int{0, 1, 2, 64, 300}).Draw(t, "meters") {
		m := MeterStatus{Name: fmt.Sprint(word.Draw(t, "meter"), i), Address: fmt.Sprintf("%012d", i), Asked: rapid.Bool().Draw(t, "asked"), Online: rapid.Bool().Draw(t, "online"),
			LastGood: past("good"), LastErr: some("meter error"), Success: 0.5, Rounds: 10, Missed: number.Draw(t, "missed")}
		if len(s.Buses) > 0 {
			m.Bus = s.Buses[i%len(s.Buses)].Name
		}
		s.Meters = append(s.Meters, m)
	}
	for range rapid.IntRange(0, 5).Draw(t, "uplinks") {
		u := UplinkStatus{Name: word.Draw(t, "uplink"), Kind: "tuya", Connected: rapid.Bool().Draw(t, "connected"), Held: rapid.Bool().Draw(t, "held"), Broker: some("broker"), Brokers: rapid.IntRange(1, 16).Draw(t, "brokers"), LastErr: some("uplink error"), Since: now, Oldest: past("oldest"),
			Queued: number.Draw(t, "queued"), Refused: number.Draw(t, "refused"), LastRefusal: some("refusal"), Lost: number.Draw(t, "lost"), Codes: map[string]int{"1001": number.Draw(t, "code")}}
		for range rapid.IntRange(0, 20).Draw(t, "unregistered") {
			u.Unregistered = append(u.Unregistered, word.Draw(t, "unregistered meter"))
		}
		s.Uplinks = append(s.Uplinks, u)
	}
	return s
}

// onScreen complains of what does not fit into 80 columns and n lines.
func onScreen(t interface{ Errorf(string, ...any) }, text string, n int) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > n {
		t.Errorf("%d lines, want at most %d:\n%s", len(lines), n, text)
	}
	for _, l := range lines {
		if w := cells.StringWidth(l); w > width {
			t.Errorf("%d columns, want at most %d: %s", w, width, l)
		}
	}
}

func TestStatusFitsWhateverTheState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStatus(t)
		for _, lang := range []string{"en", "zh"} {
			text := s.Text(lang)
			onScreen(t, Harmless(text), statusLines)
			for l := range strings.Lines(text) {
				if strings.HasPrefix(l, "  → ") && strings.Contains(l, "…") {
					t.Errorf("what to do is cut: %s", l)
				}
			}
			list := s.problems(lang)
			if len(list) > 0 && !strings.Contains(text, "\n! ") {
				t.Errorf("%d problems, none is shown:\n%s", len(list), text)
			}
		}
	})
}

func TestOtherAnswersFitTheWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStatus(t)
		for _, lang := range []string{"en", "zh"} {
			onScreen(t, Harmless(Meters{List: s.Meters, Now: s.Now}.Text(lang)), 1000)
			onScreen(t, Harmless(Uplinks{List: s.Uplinks, Now: s.Now}.Text(lang)), 1000)
			for _, u := range s.Uplinks {
				onScreen(t, Harmless(UplinkDetail{UplinkStatus: u, Now: s.Now}.Text(lang)), 1000)
			}
			for _, m := range s.Meters[:min(3, len(s.Meters))] {
				onScreen(t, Harmless(MeterDetail{MeterStatus: m, Now: s.Now}.Text(lang)), 1000)
			}
			onScreen(t, Harmless(Ring{RingStatus: s.Ring}.Text(lang)), 1000)
		}
	})
}

// TestEachProblemIsTold takes one thing wrong at a time.
func TestEachProblemIsTold(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC)
	before := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	well := func() Status {
		s := Status{Gateway: "gw0001", Version: "v1", Uptime: 90000, Now: now, Clock: ClockStatus{Trusted: true, Source: "ntp", Time: now},
			Buses:   []BusStatus{{Name: "b1", Port: "/dev/ttyS1", Load: 0.4, Planned: 0.4, Requests: 1000}, {Name: "b2", Port: "/dev/ttyS2"}},
			Uplinks: []UplinkStatus{{Name: "tuya", Kind: "tuya", Connected: true, Since: now}},
			Ring:    RingStatus{Capacity: 64 << 20, Used: 60 << 20, First: 1000, Last: 2000}, Config: ConfigStatus{State: "proved"}}
		for i := range 4 {
			s.Meters = append(s.Meters, MeterStatus{Name: fmt.Sprintf("Unit %d", 101+i), Address: fmt.Sprintf("20241120010%d", 1+i), Bus: "b1", Asked: true, Online: true, LastGood: before(time.Minute), Success: 1, Rounds: 100})
		}
		return s
	}
	for _, lang := range []string{"en", "zh"} {
		if text := well().Text(lang); strings.Contains(text, "! ") {
			t.Errorf("a good board has problems:\n%s", text)
		}
	}
	for _, c := range []struct {
		name     string
		spoil    func(*Status)
		what, do string // "" for do: nothing is asked
	}{
		{"a state that cannot be kept", func(s *Status) { s.Unkept = "no space left on device" }, "! state: it cannot be kept: no space left on device", "is there room?"},
		{"a ring that cannot be used", func(s *Status) { s.Ring = RingStatus{LastErr: "not a store"} }, "! ring: it cannot be used: not a store", "see path and size in [store]"},
		{"a ring that is none", func(s *Status) {
			s.Ring = RingStatus{LastErr: "store: not a store: /dev/mmcblk0", Foreign: true, Path: "/dev/mmcblk0"}
		}, "! ring: it cannot be used: store: not a store", "meterd ring format /dev/mmcblk0"},
		{"flash that cannot be written", func(s *Status) { s.Ring.LastErr = "input/output error" }, "! ring: flash cannot be written: input/output error", "replace the flash"},
		{"damage in the ring", func(s *Status) { s.Ring.Corrupt = 2 }, "! ring: 2 damaged places", "meterd ring verify"},
		{"a port that is gone", func(s *Status) { s.Buses[0].PortErr = "no such device" }, "! bus b1: port /dev/ttyS1 does not work: no such device", "check port"},
		{"a dead line", func(s *Status) {
			for i := range s.Meters {
				s.Meters[i].Online = false
			}
		}, "! bus b1: the line is dead, none of 4 meters answers", "A and B (swapped?)"},
		{"a line of noise", func(s *Status) {
			s.Buses[0].Noise = 4
			for i := range s.Meters {
				s.Meters[i].Online = false
			}
		}, "! bus b1: none of 4 meters is understood, all is noise", "check baud and parity"},
		{"one meter that was never there", func(s *Status) { s.Meters[1].Online, s.Meters[1].LastGood = false, nil }, "! meter Unit 102 (202411200102) has never answered", "check its address"},
		{"two that were never there", func(s *Status) {
			for i := range 2 {
				s.Meters[i].Online, s.Meters[i].LastGood = false, nil
			}
		}, "! 2 meters have never answered: Unit 101, Unit 102", "scan BUS finds them"},
		{"one for which another answers", func(s *Status) {
			s.Meters[1].Online, s.Meters[1].Foreign, s.Meters[1].LastErr = false, 7, "noise: another meter answered"
		}, "! meter Unit 102 (202411200102) was asked 7 times and another meter answered", "two meters may answer at this address"},
		{"one whose answers come too late", func(s *Status) {
			s.Meters[1].Online, s.Meters[1].LastGood, s.Meters[1].Late, s.Meters[1].LastErr = false, nil, 2612, "silence"
		}, "! meter Unit 102 (202411200102): its answers come too late, after 2.6 s", `use timeout = "auto"`},
		{"another protocol on the line", func(s *Status) { s.Buses[0].Other = "Modbus-RTU" }, "! bus b1: frames of Modbus-RTU pass on the line", "a device of another protocol"},
		{"an adapter that echoes on a dead line", func(s *Status) {
			s.Buses[0].Requests, s.Buses[0].Echoes = 100, 97
			for i := range s.Meters {
				s.Meters[i].Online = false
			}
		}, "! bus b1: what is sent comes back, and none of 4 meters answers", "the adapter echoes"},
		{"answers that another parity makes unreadable", func(s *Status) {
			s.Buses[0].Requests, s.Buses[0].Noise, s.Buses[0].Garbled, s.Buses[0].Silence = 100, 97, 90, 3
			for i := range s.Meters {
				s.Meters[i].Online = false
			}
		}, "! bus b1: answers come, and each is garbled after its first bytes", "the parity or the rate is wrong: set parity and baud in [[bus]]"},
		{"the same of the only meter", func(s *Status) {
			s.Buses[0].Requests, s.Buses[0].Noise, s.Buses[0].Garbled = 10, 10, 10
			s.Meters = s.Meters[:1]
			s.Meters[0].Online, s.Meters[0].LastGood = false, nil
		}, "! bus b1: answers come, and each is garbled after its first bytes", "the parity or the rate is wrong"},
		{"noise on a line with a meter that answers, which is not its settings", func(s *Status) {
			s.Buses[0].Requests, s.Buses[0].Noise, s.Buses[0].Garbled = 100, 5, 5
			for i := range s.Meters[1:] {
				s.Meters[1+i].Online, s.Meters[1+i].LastGood = false, before(3*time.Hour)
			}
		}, "! 3 meters are silent, the longest for 3h: Unit 102, Unit 103", "their power"},
		{"one that fell silent", func(s *Status) { s.Meters[2].Online, s.Meters[2].LastGood = false, before(3*time.Hour) }, "! meter Unit 103 (202411200103) has been silent for 3h", "its power"},
		{"two that fell silent", func(s *Status) {
			s.Meters[0].Online, s.Meters[0].LastGood = false, before(3*time.Hour)
			s.Meters[2].Online, s.Meters[2].LastGood = false, before(5*time.Hour)
		}, "! 2 meters are silent, the longest for 5h: Unit 103, Unit 101", "their power"},
		{"a round that was not whole", func(s *Status) { s.Meters[0].LastErr = "noise" }, "! meter Unit 101: the last round was not whole: noise", "termination"},
		{"an uplink that is not connected", func(s *Status) {
			s.Uplinks[0] = UplinkStatus{Name: "tuya", Since: now.Add(-time.Hour), LastErr: "bad user name or password (4)", Hint: dlt645.Text{EN: "check username in [[uplink]]"}}
		}, "! uplink tuya is not connected 1h: bad user name or password (4)", "check username"},
		{"a backlog", func(s *Status) { s.Uplinks[0].Queued, s.Uplinks[0].Oldest = 123, before(2*time.Hour) }, "! uplink tuya: 123 readings wait, the oldest for 2h", "being delivered"},
		{"a ring that is nearly full of it", func(s *Status) {
			s.Ring.Holds, s.Uplinks[0].Oldest = 10*86400, before(9*24*time.Hour)
		}, "! uplink tuya: the ring, which holds 10d, is nearly full of what waits", "the oldest readings are lost"},
		{"readings that are overwritten", func(s *Status) {
			s.Ring.Holds, s.Uplinks[0].Overwritten, s.Uplinks[0].Oldest = 18*3600, 113, before(20*time.Hour)
		}, "! uplink tuya: the outage is longer than the ring holds: 18h; 113 undelivered readings overwritten, of before 11-19 14:15", "restore the connection, and enlarge store.size"},
		{"readings that are overwritten, with their times", func(s *Status) {
			s.Uplinks[0].Overwritten, s.Uplinks[0].OverwrittenSince, s.Uplinks[0].Oldest = 113, before(20*time.Hour), before(18*time.Minute)
		}, "! uplink tuya: the outage is longer than the ring holds: 18m; 113 undelivered readings overwritten, of 11-19 14:15 to 11-20 09:57", "restore the connection, and enlarge store.size"},
		{"a consumer that is away", func(s *Status) { s.Uplinks[0].Held = true }, "! uplink tuya: nothing goes out, the consumer is not online", "must say online"},
		{"a twin", func(s *Status) { s.Uplinks[0].Twin = true }, "! uplink tuya: another client may use our client id", "a copied card"},
		{"readings lost", func(s *Status) { s.Uplinks[0].Lost = 5 }, "! uplink tuya: 5 readings lost", "store.size"},
		{"a meter that is not registered", func(s *Status) { s.Uplinks[0].Unregistered = []string{"202411200101: no such device"} }, "does not register meter 202411200101: no such device", "check the meter's id, product and key"},
		{"a meter that is not bound to the gateway", func(s *Status) {
			s.Uplinks[0].Unregistered = []string{"202411200101: bind the sub-device in the console first: login failed (40004)"}
		}, "does not register meter 202411200101", "bind the sub-device to this gateway"},
		{"items refused", func(s *Status) { s.Uplinks[0].Refused, s.Uplinks[0].LastRefusal = 2, "1004" }, "! uplink tuya: 2 items refused, the last: 1004", "[[uplink.map]]"},
		{"messages set aside", func(s *Status) { s.Uplinks[0].SetAside, s.Uplinks[0].LastAside = 2, "record 7" }, "! uplink tuya: 2 messages set aside, the last: record 7", "largest message"},
		{"readings too old", func(s *Status) {
			s.Uplinks[0].Kind, s.Uplinks[0].Refused, s.Uplinks[0].LastRefusal = "tuya", 2, "m item 5: request time is invalid (1001)"
		}, "2 items refused", "see stale"},
		{"a form that is not taken, after readings too old", func(s *Status) {
			s.Uplinks[0].Kind, s.Uplinks[0].Refused, s.Uplinks[0].Codes, s.Uplinks[0].LastRefusal = "tuya", 3, map[string]int{"1001": 2, "1102": 1}, "m item 30: params is null (1102)"
		}, "3 items refused", "see phase and fault"},
		{"a range that is not taken", func(s *Status) {
			s.Uplinks[0].Kind, s.Uplinks[0].Refused, s.Uplinks[0].LastRefusal = "tuya", 3, "m item 7: params range invalid (1101)"
		}, "3 items refused", "see scale"},
		{"a code of another platform", func(s *Status) {
			s.Uplinks[0].Kind, s.Uplinks[0].Refused, s.Uplinks[0].LastRefusal = "das", 3, "m item 7: what (1102)"
		}, "3 items refused", "[[uplink.map]]"},
		{"a clock that is not trusted", func(s *Status) { s.Clock.Trusted = false }, "! the clock is not trusted", "check NTP"},
		{"a clock that others doubt", func(s *Status) {
			s.Clock.Source, s.Clock.Opinions = "rtc", []ClockOpinion{{Source: "meters", Offset: -125}}
		}, "! the clock is -2m5s off that of: the meters (median)", "check NTP"},
		{"a line that is too full", func(s *Status) { s.Buses[0].Load, s.Meters[0].Missed = 0.99, 60 }, "! bus b1 is too full: 1 meters miss rounds, load 99 %", "read less often"},
		{"a line that is nearly full", func(s *Status) { s.Buses[0].Load, s.Buses[0].Planned = 0.9, 0.9 }, "! bus b1 is nearly full: load 90 %", "read less often"},
		{"noise", func(s *Status) { s.Buses[0].Noise = 100 }, "! bus b1: 100 of 1000 requests met noise", "shield"},
		{"a new board", func(s *Status) { s.Config.Blank = true }, "! no configuration yet: plug in a stick with meterd.toml", "boards/gw0001.toml"},
		{"relays that are open", func(s *Status) {
			s.Meters[0].Relay, s.Meters[1].Relay, s.Meters[2].Relay = RelayOpen, "closed", RelayOpen
		}, "! the relay is open, these have no power: Unit 101, Unit 103", "relay NAME close"},
		{"a configuration on trial", func(s *Status) { s.Config = ConfigStatus{State: "trial", Until: before(-5 * time.Minute)} }, "! a new configuration is on trial, 5m left", "else it goes back"},
		{"one that was taken back", func(s *Status) {
			s.Config = ConfigStatus{State: "back", Says: dlt645.Text{EN: "nothing came up", ZH: "无响应"}}
		}, "! the last new configuration was taken back: nothing came up", "mend it"},
		{"a loop that hangs", func(s *Status) { s.Watchdog.Hung = "bus b1" }, "! bus b1 makes no progress", "wait"},
		{"a reset by the watchdog", func(s *Status) {
			s.Watchdog.LastReset = &ResetStatus{Loop: "ring", Silent: 120, Time: now.Add(-time.Hour)}
		}, "! the watchdog reset the board 1h ago: ring", "log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := well()
			c.spoil(&s)
			lines := strings.Split(s.Text("en"), "\n")
			if !strings.HasPrefix(lines[2], "  → ") { // it takes two lines
				lines = append([]string{lines[0], lines[1] + " " + strings.TrimSpace(lines[2])}, lines[3:]...)
			}
			if !strings.Contains(lines[1], c.what) || !strings.HasPrefix(lines[2], "  → ") || !strings.Contains(lines[2], c.do) {
				t.Errorf("got %q, %q; want %q, %q", lines[1], lines[2], c.what, c.do)
			}
			if n := len(s.problems("en")); n != 1 {
				t.Errorf("%d problems, want 1:\n%s", n, s.Text("en"))
			}
			for _, p := range s.problems("zh") {
				if strings.ContainsAny(strings.ReplaceAll(p.what, "A/B", ""), "！") || p.what == s.problems("en")[0].what {
					t.Errorf("not told in Chinese: %s", p.what)
				}
			}
		})
	}
}

// TestSeveralBrokersShowWhichIsUsed, or is next; where there is one it is not
// worth a line.
func TestSeveralBrokersShowWhichIsUsed(t *testing.T) {
	for name, c := range map[string]struct {
		u    UplinkStatus
		want string
	}{
		"one":              {UplinkStatus{Broker: "ssl://a:8883", Brokers: 1, Connected: true}, ""},
		"connected to one": {UplinkStatus{Broker: "ssl://b:8883", Brokers: 3, Connected: true}, "  broker ssl://b:8883, one of 3\n"},
		"not connected":    {UplinkStatus{Broker: "ssl://c:8883", Brokers: 3}, "  next broker ssl://c:8883, one of 3\n"},
	} {
		for _, got := range []string{Uplinks{List: []UplinkStatus{c.u}}.Text("en"), UplinkDetail{UplinkStatus: c.u}.Text("en")} {
			if c.want == "" && strings.Contains(got, "broker") || !strings.Contains(got, c.want) {
				t.Errorf("%s: %q lacks %q", name, got, c.want)
			}
		}
	}
}

// TestAnOpenRelayShowsInTheListOfMeters, in the line below its meter.
func TestAnOpenRelayShowsInTheListOfMeters(t *testing.T) {
	list := Meters{List: []MeterStatus{{Name: "Unit 101", Address: "202411200101", Online: true, Relay: RelayOpen}, {Name: "Unit 102", Address: "202411200102", Online: true, Relay: "closed"}}}
	for lang, want := range map[string]string{"en": "relay open: no power after it", "zh": "继电器断开：表后无电"} {
		lines := strings.Split(list.Text(lang), "\n")
		if len(lines) != 5 || lines[2] != "  "+want || !strings.HasPrefix(lines[3], "Unit 102") {
			t.Errorf("got %q", lines)
		}
	}
}

// TestTheBoardsHealthIsALine: what its kernel does not tell is left out.
func TestTheBoardsHealthIsALine(t *testing.T) {
	cpu := 12
	whole := HealthStatus{Started: StartedCrash, MemoryTotal: 64 << 20, MemoryAvailable: 23 << 20, MemoryUsed: 11 << 20, CPU: &cpu, Temperature: "41.5"}
	for _, c := range []struct {
		h        HealthStatus
		lang, is string
	}{
		{whole, "en", "board  23/64 MiB free, meterd 11  CPU 12%  41.5 °C  started: crashed"},
		{whole, "zh", "本板  内存空闲 23/64 MiB，meterd 11  CPU 12%  41.5 °C  启动原因：程序异常退出"},
		{HealthStatus{MemoryTotal: 64 << 20, MemoryAvailable: 23 << 20}, "en", "board  23/64 MiB free, meterd 0"},
		{HealthStatus{Started: StartedBoard, MemoryTotal: 1000 << 20, MemoryAvailable: 999 << 20, MemoryUsed: 11 << 20, CPU: &cpu, Temperature: "41.5"}, "en", "board  999/1000 MiB free, meterd 11  CPU 12%  41.5 °C  started: power or reset"},
	} {
		text := Status{Health: c.h}.Text(c.lang)
		if !strings.Contains(text, "\n"+c.is+"\n") {
			t.Errorf("got %s, want %q", text, c.is)
		}
	}
	if text := (Status{}).Text("en"); strings.Contains(text, "board") {
		t.Errorf("of nothing: %s", text)
	}
}

// TestAMeterWhoseEditionIsConfigured is not told to have one that was learned.
func TestAMeterWhoseEditionIsConfigured(t *testing.T) {
	for lang, want := range map[string][2]string{"en": {"number 202411200101", "edition"}, "zh": {"表号 202411200101", "规约"}} {
		text := MeterDetail{Learned: NewLearned("", "202411200101", dlt645.Text{}, nil, nil)}.Text(lang)
		if !strings.Contains(text, "\n"+want[0]+"\n") || strings.Contains(text, want[1]) {
			t.Errorf("got\n%s\nwant %q alone of what was learned", text, want[0])
		}
	}
}
