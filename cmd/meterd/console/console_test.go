package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
)

// bad is a board on which much is wrong.
func bad(meters int) Status {
	now := time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC)
	good := now.Add(-time.Hour)
	s := Status{
		Gateway: "gw0001", Version: "v1", Uptime: 3600, Now: now, Clock: ClockStatus{Source: "none", Time: now},
		Buses: []BusStatus{{Name: "rs485-1", Port: "/dev/ttyS1", Requests: 100, Noise: 30, Answers: 70}},
		Uplinks: []UplinkStatus{{
			Name: "tuya", Kind: "tuya", LastErr: "broker refused the connection: bad user name or password (4)", Queued: 12345, Refused: 3, LastRefusal: "item 5", Lost: 7,
			Hint: dlt645.Text{EN: "check username", ZH: "请检查 username"},
		}},
		Ring: RingStatus{Capacity: 64 << 20, Used: 1 << 20, First: 1, Last: 5000, LastErr: "input/output error"},
	}
	for i := range meters {
		m := MeterStatus{Name: fmt.Sprintf("一号楼 %d 室", i), Address: fmt.Sprintf("%012d", i), Bus: "rs485-1", Asked: true, Online: i > 0, Success: 0.5}
		if i > 0 {
			m.LastGood = &good
		}
		s.Meters = append(s.Meters, m)
	}
	return s
}

func echo(_ context.Context, args []string, _ func(Answer)) (Answer, error) {
	if len(args) == 0 {
		return nil, &Error{"nothing to say", "say something"}
	}
	return Line{strings.Join(args, " ")}, nil
}

// serve serves a console for a test.
func serve(t *testing.T, path string) {
	t.Helper()
	serveTable(t, path, Commands{List: []Command{{Name: "echo", Args: "WORD…", Help: dlt645.Text{EN: "says it"}, Run: echo}}})
}

func serveTable(t testing.TB, path string, c Commands) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- Serve(ctx, path, c) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal("nobody listens")
		}
	}
}

func TestAskAndAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	serve(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v (%v)", info.Mode(), err)
	}
	for _, c := range []struct {
		req       Request
		out, fail string
	}{
		{Request{Command: []string{"echo", "a", "b"}}, "a b\n", ""},
		{Request{Command: []string{"echo", "a"}, JSON: true}, "{\"value\":\"a\"}\n", ""},
		{Request{Command: []string{"echo"}}, "", "nothing to say"},
		{Request{Command: []string{"ecko"}}, "", `there is no command "ecko"`},
		{Request{}, "", "no command"},
		{Request{Command: []string{"help"}}, "echo WORD…                           says it\nhelp [COMMAND]                       this list, or one command\n", ""},
	} {
		var out bytes.Buffer
		err := Ask(path, c.req, &out)
		if out.String() != c.out || (err == nil) != (c.fail == "") || err != nil && err.Error() != c.fail {
			t.Errorf("%v: got %q, %v; want %q, %q", c.req, out.String(), err, c.out, c.fail)
		}
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Hint == "") {
			t.Errorf("%v: %v has no hint", c.req, err)
		}
	}
}

func TestRubbishOnTheSocketHarmsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	serve(t, path)
	for _, rubbish := range []string{"", "\n", "{}\n", "[1]\n", `{"command":5}` + "\n", strings.Repeat("x", 2*mostRequest)} {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte(rubbish)) // it may be cut off
		c.Close()
	}
	var out bytes.Buffer
	if err := Ask(path, Request{Command: []string{"echo", "still"}}, &out); err != nil || out.String() != "still\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestSocketThatIsRemovedComesBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sock")
	serve(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var out bytes.Buffer
		if Ask(path, Request{Command: []string{"echo", "back"}}, &out) == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the socket does not come back")
		}
	}
}

func TestSocketOfAKilledDaemonIsTakenOverAndThatOfALivingOneIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close() // the file stays, as after kill -9
	serve(t, path)
	if err := Serve(t.Context(), path, Commands{}); err == nil || !strings.Contains(err.Error(), "another meterd") {
		t.Errorf("a second daemon got %v", err)
	}
	file := filepath.Join(t.TempDir(), "letter")
	if err := os.WriteFile(file, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var told error
	Serve(ctx, file, Commands{Log: func(err error) { told = err; cancel() }})
	if told == nil {
		t.Error("a file that is no socket was taken over")
	}
	if b, _ := os.ReadFile(file); string(b) != "dear" {
		t.Error("a file that is no socket was removed")
	}
}

// TestAnswersHoldNothingThatMovesTheCursor or turns the direction of writing,
// whatever platforms, meters and configurations call things.
func TestAnswersHoldNothingThatMovesTheCursor(t *testing.T) {
	for in, want := range map[string]string{
		"电表 101 – voltage ±5 %\nnext": "电表 101 – voltage ±5 %\nnext",
		"\x1b[2J\x07\r\b\x00":         "?[2J????",
		"a\u202edlrow\u202c\u200b":    "a?dlrow??",
		"\u2066x\u2069\ufeff\u2028":   "?x???",
		"\xff\xfe":                    "?",
		"\u009b31m":                   "?31m",
	} {
		if got := Harmless(in); got != want {
			t.Errorf("%q is written as %q, want %q", in, got, want)
		}
	}
}

// TestACommandThatIsTooLongIsRefused, of one word or of many.
func TestACommandThatIsTooLongIsRefused(t *testing.T) {
	c := Commands{List: []Command{{Name: "echo", Run: func(context.Context, []string, func(Answer)) (Answer, error) { return Line{"ran"}, nil }}}}
	for _, words := range [][]string{{"echo", strings.Repeat("x", 4096)}, append([]string{"echo"}, slices.Repeat([]string{"y"}, 2048)...)} {
		err := c.run(t.Context(), Request{Command: words}, func(Reply) {})
		if err == nil || !strings.Contains(err.Error(), "a command has 4096 bytes at most, this one 410") {
			t.Errorf("%d words: %v", len(words), err)
		}
	}
}
