package panel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/desk"
	"meterd/cmd/meterd/journal"
	"meterd/cmd/meterd/takeover"
	"meterd/cmd/meterd/update"
	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
)

const benchConfig = `[gateway]
id = "gw1"
language = %q
[store]
path = %q
[[bus]]
name = "b1"
port = "/dev/null"
[[meter]]
name = "Unit 1"
bus = "b1"
address = "202411200101"
profile = "fast"
password = "02123456"
[[meter]]
name = "Unit 2"
bus = "b1"
address = "202411200102"
profile = "fast"
[[profile]]
name = "fast"
[[profile.poll]]
every = "1m"
points = ["voltage", "power.active.total", "relay"]
[[uplink]]
name = "cloud"
kind = "tuya"
broker = "tcp://127.0.0.1:1"
username = "vendor01"
[uplink.tuya]
product_id = "pid01"
`

// bench is a panel over two simulated meters, the second without a password.
type bench struct {
	*Panel
	t         *testing.T
	ctx       context.Context
	line      *dlt645test.Line
	table     console.Commands
	restarted atomic.Int32
	saved     int
	heard     atomic.Pointer[func(dlt645test.Event)] // is told of each frame; nil: nobody is
	end       func()
}

func newBench(t *testing.T, language string) *bench {
	t.Helper()
	dir := t.TempDir()
	path, file := filepath.Join(dir, "ring"), filepath.Join(dir, "meterd.toml")
	text := fmt.Sprintf(benchConfig, language, path)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, problems := config.Parse(file, text)
	if config.Failed(problems) {
		t.Fatal(problems)
	}
	ring, err := store.Open(path, store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Hour, Codec: meter.Packing{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ours, theirs := dlt645test.Pipe()
	b := &bench{t: t, ctx: ctx, line: &dlt645test.Line{Baud: 9600}}
	b.line.Tap = func(e dlt645test.Event) {
		if tell := b.heard.Load(); tell != nil {
			(*tell)(e)
		}
	}
	var handles []*meter.Handle
	for _, m := range c.Meters {
		handles = append(handles, m.Handle)
		simulated := dlt645test.NewMeter(m.Address, 3)
		simulated.Zone = c.Gateway.Zone
		simulated.SetNumber(0x02010100, 2201, 2, false)
		simulated.SetNumber(0x02030000, 12345, 3, true)
		b.line.Meters = append(b.line.Meters, simulated)
	}
	log := slog.New(slog.DiscardHandler)
	clock := &board.Clock{Log: log}
	bus := meter.NewBus("b1", meter.Timing{Baud: 9600, Preamble: 4, Timeout: 500 * time.Millisecond}, func() (meter.Port, error) { return ours, nil }, nil)
	poller := meter.NewPoller(meter.PollerConfig{Bus: bus, Meters: handles, Zone: c.Gateway.Zone, Stamp: func(r *meter.Reading) { r.Trusted = true }, Sink: func(r meter.Reading) {
		rec, _ := r.AppendBinary(nil)
		ring.Append(rec)
	}})
	d := desk.New(desk.Config{
		Meters: handles, Lines: []*meter.Poller{poller}, Points: c.Points, Ring: ring, Age: 2 * time.Minute,
		Stamp: func(e *meter.Event) { e.Trusted = true }, Trusted: clock.Trusted, Log: log,
	})
	u := c.Uplinks[0]
	up, err := uplink.New(uplink.Config{
		Name: u.Name, Kind: u.Kind, Endpoint: u.Endpoint, Platform: u.Make(config.Env{Trusted: clock.Trusted, Offer: func(time.Time) {}}), Ring: ring, FromOldest: true,
		Window: u.Window, Timeout: u.Timeout, Meters: poller.Meters, Clock: func(time.Time) (bool, uint32, time.Duration) { return true, 0, 0 },
		Ask: d.Ask, Log: log, Alive: func() {}, Lost: func(store.Gap, int) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	take := takeover.New(takeover.NewFiles(file), log)
	first, _, err := take.First()
	if err != nil {
		t.Fatal(err)
	}
	take.Begin(first)
	j := journal.New(io.Discard, slog.LevelInfo)
	slog.New(j).Info("meterd runs")
	b.Panel = &Panel{
		Version: "v1", Started: time.Now(), Config: c, Lines: []*meter.Poller{poller}, Uplinks: []*uplink.Uplink{up}, Desk: d, Ring: ring,
		Dropped: func() int { return 0 }, Clock: clock, Journal: j, Takeover: take, Watchdog: func() console.WatchdogStatus { return console.WatchdogStatus{} },
		Update: func() update.View {
			return update.View{Able: true, Phase: update.WentBack, To: update.Image{Version: "v2"}, Why: dlt645.Text{EN: "no meter answered", ZH: "没有电表应答"}}
		},
		TakeUpdate: func(_ context.Context, path string) (update.Facts, error) {
			if path == "/data/bad.update" {
				return update.Facts{}, console.Tell(dlt645.Text{EN: "no update file", ZH: "不是升级文件"}, dlt645.Text{})
			}
			return update.Facts{Image: update.Image{Version: "v3"}}, nil
		},
		Save: func() { b.saved++ }, Restart: func() error { b.restarted.Add(1); return nil }, Log: log,
	}
	b.table = b.Commands()
	done := make(chan struct{}, 2)
	go func() { poller.Run(ctx); done <- struct{}{} }()
	go func() { d.Run(ctx); done <- struct{}{} }()
	go b.line.Serve(ctx, theirs)
	b.end = func() {
		stop()
		theirs.Close()
		<-done
		<-done
		bus.Close()
		synctest.Wait()
		if err := ring.Close(); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(2*time.Minute + 5*time.Second) // two rounds
	synctest.Wait()
	return b
}

// do carries a command line out and gives all that it says.
func (b *bench) do(line ...string) (string, error) {
	b.t.Helper()
	i := slices.IndexFunc(b.table.List, func(c console.Command) bool { return c.Name == line[0] })
	if i < 0 {
		b.t.Fatalf("no command %s", line[0])
	}
	var said strings.Builder
	say := func(a console.Answer) {
		said.WriteString(a.Text(b.Config.Gateway.Language))
		if _, err := json.Marshal(a); err != nil {
			b.t.Errorf("%v: %v", line, err)
		}
	}
	a, err := b.table.List[i].Run(b.ctx, line[1:], say)
	if a != nil {
		say(a)
	}
	return said.String(), err
}

// words splits a line at blanks; _ stands for one within a word.
func words(line string) []string {
	all := strings.Fields(line)
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "_", " ")
	}
	return all
}

// TestWhatTheConsoleAnswers carries out each command that works.
func TestWhatTheConsoleAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "en")
		defer b.end()
		for _, c := range []struct {
			line string
			want []string
		}{
			{"status", []string{"gw1", "b1", "Unit 1", "Unit 2", "cloud"}},
			{"meters", []string{"Unit 1", "Unit 2"}},
			{"meter Unit_1", []string{"202411200101", "voltage.a", "220.1"}},
			{"meter 202411200102", []string{"Unit 2"}},
			{"read Unit_1 voltage.a 02030000", []string{"202411200101  02010100  A-phase voltage = 220.1 V", "total active power = 1.2345 kW"}},
			{"trace -n 1", []string{" b1 ", "202411200101 read 02030000", "\n    "}},
			{"trace b1 -n 0", nil},
			{"relay Unit_1 trip -yes", []string{"done: "}},
			{"relay 202411200101 close -yes", []string{"done: "}},
			{"write Unit_1 04000103 15 -yes", []string{"done: 04000103 reads back as 15"}},
			{"freeze Unit_1 -yes", []string{"done: the meter's last instant freeze is of "}},
			{"demand-reset Unit_1 -yes", []string{"accepted: the maximum demand now reads "}},
			{"time", []string{"trusted"}},
			{"time sync", []string{"done: broadcast on b1, and the clock of Unit 1 shows it"}},
			{"plot Unit_1", []string{"power.active.total"}},
			{"plot Unit_1 answers", []string{"Unit 1"}},
			{"plot Unit_1 voltage.a -h 1", []string{"voltage.a"}},
			{"config", []string{"id = \"gw1\"", "profile = \"fast\""}},
			{"config reload", []string{"the file is what runs already"}},
			{"log", []string{"meterd runs"}},
			{"log -n 0", nil},
			{"uplinks", []string{"cloud"}},
			{"uplink cloud", []string{"cloud", "tuya"}},
			{"ring", []string{"cloud"}},
			{"version", []string{"v1"}},
			{"version update", []string{"program v1 (", "the program v2 was taken back, v1 runs: no meter answered"}},
			{"version update /data/v3.update -yes", []string{"v3 is whole in its place"}},
			{"reboot -yes", []string{"the board starts anew now"}},
		} {
			said, err := b.do(words(c.line)...)
			if err != nil {
				t.Errorf("%s: %v", c.line, err)
			}
			if len(c.want) == 0 && said != "" {
				t.Errorf("%s: it says %s", c.line, said)
			}
			for _, part := range c.want {
				if !strings.Contains(said, part) {
					t.Errorf("%s: got\n%s\nwant in it %q", c.line, said, part)
				}
			}
			if strings.Contains(said, "02123456") {
				t.Errorf("%s shows a password", c.line)
			}
		}
		if b.restarted.Load() != 0 || b.saved != 1 {
			t.Errorf("restarted %d times before its time, saved %d times", b.restarted.Load(), b.saved)
		}
		time.Sleep(rebootAfter)
		synctest.Wait()
		if b.restarted.Load() != 1 {
			t.Errorf("restarted %d times, want once", b.restarted.Load())
		}
	})
}

// TestWhatTheConsoleRefuses holds each mistake at the console to its words in
// both languages, and to this: no frame that changes something leaves.
func TestWhatTheConsoleRefuses(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, lang)
			defer b.end()
			hear := func(e dlt645test.Event) {
				switch e.Frame.Control.Function() {
				case dlt645.FuncRead, dlt645.FuncReadMore:
				default:
					t.Errorf("a frame left: %v", e.Frame)
				}
			}
			b.heard.Store(&hear)
			for _, c := range []struct {
				line, en, zh string
				wants        console.Want
			}{
				{"status now", `"now" is too much`, `多余的参数 "now"`, ""},
				{"meter", "meter takes a name or an address", "meter 需要名称或地址", ""},
				{"meter 9", `there is no meter "9"`, `没有电表 "9"`, ""},
				{"read Unit_1", "read takes a meter, and points", "read 需要电表以及测点", ""},
				{"read Unit_9 voltage", `there is no meter "Unit 9"`, `没有电表 "Unit 9"`, ""},
				{"read Unit_1 voltag", `"voltag" is neither a point nor a data identifier`, `"voltag" 既不是测点也不是数据标识`, ""},
				{"read Unit_1 04FFFF01", "1 of 1 reads failed", "1 项失败，共 1 项", ""},
				{"scan", "scan takes a bus", "scan 需要总线名称", ""},
				{"scan b9", `there is no bus "b9"`, `没有总线 "b9"`, ""},
				{"scan b1 fast", `"fast" is no rate`, `"fast" 不是波特率`, ""},
				{"trace b9", `there is no bus "b9"`, `没有总线 "b9"`, ""},
				{"trace -n x", "-n x is no number", "-n x 不是数字", ""},
				{"trace b1 b1", `"b1" is too much`, `多余的参数 "b1"`, ""},
				{"relay Unit_1", "relay takes a meter and trip, permit or close", "relay 需要电表以及 trip、permit 或 close", ""},
				{"relay Unit_1 explode", `"explode" is no command to a relay`, `"explode" 不是继电器命令`, ""},
				{"relay Unit_9 trip", `there is no meter "Unit 9"`, `没有电表 "Unit 9"`, ""},
				{"relay Unit_2 trip -yes", "the configuration has no password for meter Unit 2", "配置中没有电表 Unit 2 的密码", ""},
				{"relay Unit_1 trip", "this switches the power of Unit 1: ", "将切换 Unit 1 的供电：", console.WantYes},
				{"plot", "plot takes a meter", "plot 需要电表", ""},
				{"plot Unit_1 -h 0", "-h takes hours, 1 to 744", "-h 为小时数，1 至 744", ""},
				{"plot Unit_1 -h", "-h takes hours", "-h 为小时数", ""},
				{"plot Unit_9", `there is no meter "Unit 9"`, `没有电表 "Unit 9"`, ""},
				{"plot Unit_1 voltag", `there is no point "voltag"`, `没有测点 "voltag"`, ""},
				{"plot Unit_1 frequency", "the ring holds no frequency of this meter from the last 24 hours", "存储中没有该电表最近 24 小时的 frequency", ""},
				{"write Unit_1 04000103", "write takes a meter, a data identifier or point, and a value", "write 需要电表、数据标识（或测点）和数值", ""},
				{"write Unit_2 04000103 15", "the configuration has no password", "配置中没有电表 Unit 2 的密码", ""},
				{"write Unit_1 04000103 1.5", "is no number with 0 decimals", "is no number with 0 decimals", ""},
				{"write Unit_1 04000103 15", "this writes 15 into 04000103 of meter Unit 1 (bytes 15)", "将把 15 写入电表 Unit 1 的 04000103（字节 15）", console.WantYes},
				{"write Unit_1 04800001 12345678901234567890123456789012345678AB", "; it has 52 bytes of data, and the standard allows 50 in a write: the meter may refuse", "；数据共 52 字节，标准允许写入 50 字节：电表可能拒绝", console.WantYes},
				{"freeze", "freeze takes a meter", "freeze 需要电表", ""},
				{"freeze Unit_9", `there is no meter`, `没有电表`, ""},
				{"freeze Unit_1", "this freezes the registers of meter Unit 1 at once", "将立即冻结电表 Unit 1 的数据", console.WantYes},
				{"demand-reset", "demand-reset takes a meter", "demand-reset 需要电表", ""},
				{"demand-reset Unit_2 -yes", "the configuration has no password", "配置中没有电表 Unit 2 的密码", ""},
				{"demand-reset Unit_1", "for ever", "将永久清除电表 Unit 1 的最大需量", console.WantYes},
				{"time now", `time takes nothing or sync, not "now"`, `time 不带参数或带 sync，不能是 "now"`, ""},
				{"config now", `config takes nothing or reload, not "now"`, `config 不带参数或带 reload，不能是 "now"`, ""},
				{"log -n x", "-n x is no number", "-n x 不是数字", ""},
				{"log x", `"x" is too much`, `多余的参数 "x"`, ""},
				{"uplink", "uplink takes a name", "uplink 需要上行名称", ""},
				{"uplink x", `there is no uplink "x"`, `没有上行 "x"`, ""},
				{"version now", "version takes nothing, or update and a file", "version 不带参数", ""},
				{"version update /data/v3.update", "this starts another program", "将启动另一个程序", console.WantYes},
				{"version update /data/bad.update -yes", "no update file", "不是升级文件", ""},
				{"reboot now", "reboot takes nothing but -yes", "reboot 只接受 -yes", ""},
				{"reboot", "this starts the whole board anew", "将重启整块板", console.WantYes},
			} {
				_, err := b.do(words(c.line)...)
				told, ok := errors.AsType[*console.Told](err)
				if !ok {
					t.Errorf("%s: got %v, want what is wrong", c.line, err)
					continue
				}
				if !strings.Contains(told.Text.EN, c.en) || !strings.Contains(told.Text.ZH, c.zh) || told.Want != c.wants {
					t.Errorf("%s: got %q, %q, wants %q; want %q, %q, %q", c.line, told.Text.EN, told.Text.ZH, told.Want, c.en, c.zh, c.wants)
				}
			}
			if b.restarted.Load() != 0 {
				t.Error("restarted, although nobody said yes")
			}
		})
	}
}

// TestAMeterThatIsAwayIsToldAsThat commands a meter that nobody hears.
func TestAMeterThatIsAwayIsToldAsThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "en")
		defer b.end()
		b.line.Unplug(true)
		for _, line := range []string{"relay Unit_1 trip -yes", "write Unit_1 04000103 15 -yes", "freeze Unit_1 -yes", "demand-reset Unit_1 -yes"} {
			_, err := b.do(words(line)...)
			told, ok := errors.AsType[*console.Told](err)
			if !ok || told.Hint.EN == "" || told.Hint.ZH == "" {
				t.Errorf("%s: got %v, want that it is away and what to do", line, err)
			}
		}
		if _, err := b.do("time", "sync"); err == nil || !strings.Contains(err.Error(), "not confirmed on 1 of 1 buses") {
			t.Errorf("time sync: %v", err)
		}
	})
}

// TestWordsAreOfferedThatTheCommandTakes goes through the table: what stands
// after a command is offered, and what may not stand there is not.
func TestWordsAreOfferedThatTheCommandTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "en")
		defer b.end()
		for _, c := range []struct {
			line string
			has  string
			not  string
		}{
			{"meter", "Unit 2", "voltage"},
			{"meter Unit_1", "", "Unit 2"},
			{"read", "202411200101", "voltage.a"},
			{"read Unit_1", "voltage.a", "Unit 1"},
			{"scan", "b1", "Unit 1"},
			{"scan b1", "", "b1"},
			{"trace", "-f", "Unit 1"},
			{"relay", "Unit 1", "Unit 2"}, // it has no password
			{"relay Unit_1", "trip", "-yes"},
			{"relay Unit_1 trip", "-yes", "trip"},
			{"relay Unit_1 trip -yes", "", "-yes"},
			{"plot", "Unit 1", "voltage.a"},
			{"plot Unit_1", "answers", "Unit 1"},
			{"write", "Unit 1", "Unit 2"},
			{"write Unit_1", "voltage.a", "Unit 1"},
			{"write Unit_1 04000103", "", "-yes"},
			{"write Unit_1 04000103 15", "-yes", "15"},
			{"freeze", "Unit 2", "-yes"},
			{"freeze Unit_1", "-yes", "Unit 2"},
			{"demand-reset Unit_1", "-yes", "Unit 2"},
			{"time", "sync", "-yes"},
			{"time sync", "", "sync"},
			{"config", "reload", "-yes"},
			{"log", "-e", "reload"},
			{"uplink", "cloud", "b1"},
			{"uplink cloud", "", "cloud"},
			{"reboot", "-yes", "now"},
		} {
			line := words(c.line)
			i := slices.IndexFunc(b.table.List, func(cmd console.Command) bool { return cmd.Name == line[0] })
			offered := b.table.List[i].Words(line[1:])
			if c.has != "" && !slices.Contains(offered, c.has) || c.has == "" && len(offered) > 0 {
				t.Errorf("%s: offered %v, want %q among them", c.line, offered, c.has)
			}
			if slices.Contains(offered, c.not) {
				t.Errorf("%s: offers %q", c.line, c.not)
			}
		}
	})
}

// TestALogAndATraceFollow until who looks has seen enough.
func TestALogAndATraceFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "en")
		defer b.end()
		ctx, enough := context.WithCancel(b.ctx)
		b.ctx = ctx
		type result struct {
			said string
			err  error
		}
		results := make(chan result, 2)
		for _, line := range [][]string{{"log", "-f", "-n", "0"}, {"trace", "-f", "-n", "0"}} {
			go func() {
				said, err := b.do(line...)
				results <- result{said, err}
			}()
		}
		synctest.Wait()
		slog.New(b.Journal).Warn("something new")
		time.Sleep(time.Minute) // a round
		enough()
		all := ""
		for range 2 {
			r := <-results
			if r.err != nil {
				t.Error(r.err)
			}
			all += r.said
		}
		if strings.Count(all, "something new") != 1 || !strings.Contains(all, "202411200101 read") || strings.Contains(all, "meterd runs") {
			t.Errorf("got\n%s", all)
		}
	})
}
