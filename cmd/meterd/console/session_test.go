package console

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"meterd/cmd/meterd/console/vttest"
	"meterd/dlt645"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// bench is a session on a pty with its screen, and a daemon's table of
// commands behind it.
type bench struct {
	t       *testing.T
	session *Session
	master  *os.File
	ended   chan error

	mu     sync.Mutex
	screen *vttest.Screen
	sent   int // bytes
}

// startBench starts a session; dress may change it before.
func startBench(t *testing.T, socket string, dress func(*Session)) *bench {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := slave.SyscallConn() // Fd would have its reads block for ever
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { _, err = term.MakeRaw(int(fd)) }); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, master: master, ended: make(chan error, 1), screen: vttest.New(80, 24)}
	b.session = &Session{
		In: slave, Out: slave, Socket: socket, Language: "en", Captures: t.TempDir(),
		Terminal: Terminal{Columns: 80, Lines: 24, Escapes: true, UTF8: true},
	}
	if dress != nil {
		dress(b.session)
	}
	b.screen.Escapes = b.session.Terminal.Escapes
	var shown sync.WaitGroup
	shown.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			b.mu.Lock()
			b.screen.Write(buf[:n])
			b.sent += n
			b.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { b.ended <- b.session.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-b.ended
		slave.Close()
		shown.Wait()
		master.Close()
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.screen.Complaints) > 0 {
			t.Errorf("the terminal complains: %v", b.screen.Complaints)
		}
	})
	return b
}

func (b *bench) shown() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.screen.String()
}

// until waits until the screen is as wanted.
func (b *bench) until(what string, ok func(screen string) bool) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok(b.shown()) {
			return
		}
	}
	b.t.Fatalf("not on the screen: %s\n%s", what, b.shown())
}

// see waits for a text.
func (b *bench) see(text string) {
	b.t.Helper()
	b.until(text, func(s string) bool { return strings.Contains(s, text) })
}

// ready waits for the prompt in the last line.
func (b *bench) ready() {
	b.t.Helper()
	b.until("the prompt", func(s string) bool {
		s = strings.TrimRight(s, "\n")
		return strings.HasSuffix("\n"+s, "\ngw0001>") || strings.HasSuffix("\n"+s, "\nmeterd>")
	})
}

func (b *bench) keys(s string) {
	b.t.Helper()
	if _, err := b.master.Write([]byte(s)); err != nil {
		b.t.Fatal(err)
	}
}

// golden holds the screen to a file.
func (b *bench) golden(name string) {
	b.t.Helper()
	path := filepath.Join("testdata", "screens", name+".txt")
	got := b.shown()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	if got != string(want) {
		b.t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// table is a daemon's commands for tests.
func table(lang string) Commands {
	simple := func(a Answer) func(context.Context, []string, func(Answer)) (Answer, error) {
		return func(context.Context, []string, func(Answer)) (Answer, error) { return a, nil }
	}
	meters := func(args []string) []string {
		if len(args) > 0 {
			return []string{"voltage", "voltage.a", "voltage.b", "energy.forward"}
		}
		return []string{"Unit 101", "Unit 102", "一号楼 101", `odd "name"`, "202411200101"}
	}
	n := 0
	return Commands{Gateway: "gw0001", Version: "v1.0.0", Language: lang, PIN: "4711", List: []Command{
		{Name: "status", Help: dlt645.Text{EN: "the whole board", ZH: "全板状态"}, Run: simple(bad(3))},
		{Name: "meters", Help: dlt645.Text{EN: "a line for each meter", ZH: "每块电表一行"}, Run: simple(Meters{List: bad(64).Meters, Now: bad(0).Now})},
		{Name: "read", Args: "METER POINT…", Help: dlt645.Text{EN: "live", ZH: "实时抄读"}, Words: meters, Slow: true,
			Run: func(_ context.Context, args []string, say func(Answer)) (Answer, error) {
				return Line{strings.Join(args, "|")}, nil
			}},
		{Name: "count", Help: dlt645.Text{EN: "counts", ZH: "计数"}, Run: func(context.Context, []string, func(Answer)) (Answer, error) {
			n++
			return Line{fmt.Sprintf("this is the answer number %d, which goes on", n)}, nil
		}},
		{Name: "relay", Args: "METER trip", Help: dlt645.Text{EN: "switches", ZH: "拉合闸"}, Slow: true, Changes: Always,
			Run: func(_ context.Context, args []string, _ func(Answer)) (Answer, error) {
				if args[len(args)-1] != "-yes" {
					return nil, Sure(dlt645.Text{EN: "this switches the power of %s", ZH: "将切换 %s 的供电"}, args[0])
				}
				return Line{"done"}, nil
			}},
		{Name: "trace", Args: "[-f]", Help: dlt645.Text{EN: "frames", ZH: "帧"}, Slow: true,
			Run: func(ctx context.Context, args []string, say func(Answer)) (Answer, error) {
				say(Line{"10:15:00.000001 b1 +0us > 202411200101 read 02010100\n    FE FE FE FE 68 01 01 20 11 24 20 68 11 04 33 34 34 35 AE 16"})
				if len(args) > 0 {
					<-ctx.Done()
				}
				return nil, nil
			}},
		{Name: "evil", Help: dlt645.Text{EN: "words of a stranger", ZH: "外来文字"}, Run: simple(Line{"\x1b]0;owned\a\x1b[2Jred\u009b31m\r"})},
	}}
}

// answering starts a daemon's console and gives its socket.
func answering(t *testing.T, c Commands) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sock")
	serveTable(t, path, c)
	return path
}

func TestScreens(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		for _, c := range []struct {
			name string
			keys []string // the prompt is waited for after each
		}{
			{"status", []string{"status\r"}},
			{"help", []string{"help\r", "help relay\r", "help watch\r"}},
			{"completion", []string{"re\t\x15", "rea\tUni\t1\tvo\t\x15", "read 一\tvoltage.\t\r", "read o\tvoltage.a\r", "read \t\x15"}},
			{"mistakes", []string{"sttus\r", "watch\r", "watch -n 0 status\r", "trace -o\r", "\r", "   \r"}},
			{"evil", []string{"evil\r"}},
		} {
			t.Run(c.name+"-"+lang, func(t *testing.T) {
				t.Parallel()
				b := startBench(t, answering(t, table(lang)), nil)
				b.ready()
				for _, k := range c.keys {
					b.keys(k)
					b.settled(k)
				}
				b.golden(c.name + "-" + lang)
			})
		}
	}
}

// settled waits until the keys have been answered: an unlikely word is typed
// after them, and taken away when it shows at the prompt.
func (b *bench) settled(string) {
	b.t.Helper()
	b.keys("zzq")
	b.until("the prompt", func(s string) bool { return strings.HasSuffix(s, "> zzq\n") })
	b.keys("\x15")
	b.ready()
}

func TestLongAnswersStopAtEachScreen(t *testing.T) {
	b := startBench(t, answering(t, table("en")), nil)
	b.ready()
	b.keys("meters\r")
	b.see("-- more: space, or q --")
	b.golden("more-1")
	b.keys(" ")
	b.see("000000000043")
	b.keys("q")
	b.ready()
	b.golden("more-2")
}

func TestPINIsAskedWithoutEchoAndAYesBesides(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		b := startBench(t, answering(t, table(lang)), nil)
		b.ready()
		b.keys("relay \"Unit 101\" trip\r")
		b.see("PIN:")
		b.keys("4710\r")
		b.until("the PIN again", func(s string) bool { return strings.Count(s, "PIN:") == 2 })
		b.keys("4711\r")
		b.see("yes")
		b.keys("yes\r")
		b.see("done")
		b.ready()
		// It is remembered for a while. No is no.
		b.keys("relay \"Unit 102\" trip\r")
		b.until("the question", func(s string) bool { return strings.Count(s, "Unit 102") == 2 })
		b.keys("no\r")
		b.ready()
		b.golden("pin-" + lang)
		if s := b.shown(); strings.Contains(s, "4711") || strings.Contains(s, "4710") {
			t.Errorf("the PIN is on the screen:\n%s", s)
		}
		b.keys("\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A")
		b.see("gw0001> relay \"Unit 101\" trip\n")
	}
}

func TestCtrlCEndsACommandAndWhatIsTypedAheadWaits(t *testing.T) {
	b := startBench(t, answering(t, table("en")), nil)
	b.ready()
	b.keys("trace -f\r")
	b.see("FE FE FE")
	b.keys("\x03")
	b.see("^C")
	b.ready()
	b.keys("count\rcount\r")
	b.see("number 2")
	b.ready()
}

func TestWatchSendsOnlyWhatChanges(t *testing.T) {
	b := startBench(t, answering(t, table("en")), nil)
	b.ready()
	b.keys("watch -n 3600 count\r")
	b.see("q ends: count")
	b.see("number 1,")
	b.mu.Lock()
	before := b.sent
	b.mu.Unlock()
	b.keys("x") // any key draws at once
	b.see("number 2,")
	b.mu.Lock()
	sent := b.sent - before
	b.mu.Unlock()
	if sent > 40 {
		t.Errorf("a digit that changes takes %d bytes", sent)
	}
	b.golden("watch")
	b.keys("q")
	b.ready()
	b.keys("watch relay x trip\r")
	b.see("the PIN is missing")
	b.ready()
}

func TestTerminalThatKnowsNoEscapes(t *testing.T) {
	b := startBench(t, answering(t, table("en")), func(s *Session) { s.Terminal = Terminal{Columns: 80, Lines: 24} })
	b.ready()
	b.keys("sta\t")
	b.see("> status")
	b.keys("\r")
	b.see("ring ")
	b.ready()
	b.keys("watch -n 3600 count\r")
	b.see("q ends")
	b.keys("q")
	b.ready()
	if s := b.shown(); strings.ContainsAny(s, "→…") {
		t.Errorf("characters that are not ASCII:\n%s", s)
	}
}

func TestColorsOnlyWhereTheyAreKnown(t *testing.T) {
	s := Session{Terminal: Terminal{Colors: true, UTF8: true}}
	if got := s.dress("! bad"); got != "\x1b[31m! bad\x1b[0m" {
		t.Errorf("got %q", got)
	}
	s.Terminal.Colors = false
	if got := s.dress("! bad"); got != "! bad" {
		t.Errorf("got %q", got)
	}
}

func TestNobodyAnswersAndTheLogIsShown(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		dir := t.TempDir()
		log := filepath.Join(dir, "meterd.log")
		var lines strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&lines, "line %d of the log\n", i)
		}
		if err := os.WriteFile(log, []byte(lines.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Chdir(dir) // a short path on the screen
		b := startBench(t, "sock", func(s *Session) { s.Logs, s.Language = []string{"meterd.log", "nowhere"}, lang })
		b.see("line 4990 of the log")
		b.see("line 4999 of the log")
		b.ready()
		b.keys("status\r")
		b.until("a second error", func(s string) bool { return strings.Count(s, "sock") >= 2 })
		b.settled("")
		shown := b.shown()
		if strings.Count(shown, "line 4999") != 1 {
			t.Errorf("the log is shown again and again:\n%s", shown)
		}
		// When the daemon is back, the same session goes on.
		serveTable(t, "sock", table(lang))
		b.keys("status\r")
		b.see("一号楼 0")
		b.ready()
		b.until("the gateway's name", func(s string) bool { return strings.HasSuffix(s, "\ngw0001>\n") })
	}
}

func TestHungDaemonDoesNotHangTheConsole(t *testing.T) {
	t.Chdir(t.TempDir()) // a short path on the screen
	path := "sock"
	l, err := net.Listen("unix", path) // the kernel accepts, nobody reads
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := startBench(t, path, nil)
	b.see("does not answer: no answer in time")
	b.see("there is no log to show")
	b.keys("log\r") // without asking the one that hangs
	b.ready()
}

func TestCommandThatHangsIsLeftBehind(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	defer close(stuck)
	c := Commands{List: []Command{{Name: "status", Run: func(context.Context, []string, func(Answer)) (Answer, error) {
		<-stuck
		return nil, nil
	}}}}
	c.ready()
	c.hung = make(chan struct{}, 1)
	for range 2 { // the second time there is no place to wait in
		err := c.run(t.Context(), Request{Command: []string{"status"}}, func(Reply) {})
		if told, ok := errors.AsType[*Told](err); !ok || !strings.Contains(told.Text.EN, "a part of the daemon hangs") || told.Hint.ZH == "" {
			t.Errorf("got %v", err)
		}
	}
}

func TestCaptureIsForDecodeAndNeverOverwrites(t *testing.T) {
	b := startBench(t, answering(t, table("en")), nil)
	b.ready()
	b.keys("trace -o line.hex\r")
	b.see("1 frames are in")
	b.ready()
	text, err := os.ReadFile(filepath.Join(b.session.Captures, "line.hex"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "# gw0001 20") || lines[1] != "# 10:15:00.000001 b1 +0us > 202411200101 read 02010100" || !strings.HasPrefix(lines[2], "FE FE FE FE 68") {
		t.Errorf("got %q", lines)
	}
	b.keys("trace -o line.hex\r")
	b.see("no capture is made")
	b.ready()
	again, err := os.ReadFile(filepath.Join(b.session.Captures, "line.hex"))
	if err != nil || string(again) != string(text) {
		t.Errorf("the file was changed: %q, %v", again, err)
	}
}

// TestHowFarACommandIs stands in one line, which goes when the command ends or says
// something; scripts do not get it.
func TestHowFarACommandIs(t *testing.T) {
	path, steps := filepath.Join(t.TempDir(), "sock"), make(chan Answer)
	serveTable(t, path, Commands{Gateway: "gw0001", Language: "zh", List: []Command{{Name: "search", Slow: true, Run: func(ctx context.Context, _ []string, say func(Answer)) (Answer, error) {
		for a := range steps {
			say(a)
		}
		return Line{"done"}, nil
	}}}})
	b := startBench(t, path, nil)
	b.ready()
	b.keys("search\r")
	steps <- Passing{Line{"10 %"}}
	b.see("\n10 %\n")
	steps <- Passing{Line{"找到 2 块 \x1b[2J"}}
	b.until("the next in its place", func(s string) bool {
		return strings.Contains(s, "\n找到 2 块 ?[2J\n") && !strings.Contains(s, "10 %")
	})
	steps <- Line{"one"}
	b.until("what it says in its place", func(s string) bool { return strings.Contains(s, "> search\none\n") && !strings.Contains(s, "找到") })
	steps <- Passing{Line{strings.Repeat("90 % ", 40)}}
	b.see("\n90 % 90 %")
	close(steps)
	b.ready()
	if s := b.shown(); !strings.Contains(s, "> search\none\ndone\ngw0001>") {
		t.Errorf("at the end there is\n%s", s)
	}
	for _, asJSON := range []bool{false, true} {
		steps = make(chan Answer, 3)
		steps <- Passing{Line{"50 %"}}
		steps <- Line{"found"}
		close(steps)
		var out, shown strings.Builder
		err := Follow(path, Request{Command: []string{"search"}, JSON: asJSON}, &out, &PassingLine{W: &shown, End: "\n"})
		want, far := "found\ndone\n", "50 %\n"
		if asJSON {
			want, far = `{"value":"found"}`+"\n"+`{"value":"done"}`+"\n", ""
		}
		if err != nil || out.String() != want || shown.String() != far {
			t.Errorf("got %q and %q (%v), want %q and %q", &out, &shown, err, want, far)
		}
	}
}

func TestHangUpEndsTheSession(t *testing.T) {
	in, out := net.Pipe()
	s := &Session{In: in, Out: &strings.Builder{}, Socket: "/nowhere"}
	done := make(chan error)
	go func() { done <- s.Run(t.Context()) }()
	out.Close()
	if err := <-done; err != nil {
		t.Errorf("got %v", err)
	}
}
