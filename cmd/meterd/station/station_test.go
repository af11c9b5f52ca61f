package station

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"meterd/board"
	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/journal"
	"meterd/cmd/meterd/linetest"
	"meterd/cmd/meterd/takeover"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink/uplinktest"
)

// wholeText is a configuration of the line at port and the broker at an address.
func wholeText(id, dir, port, broker string) string {
	return fmt.Sprintf("[gateway]\nid = %q\n[board]\nled = \"no-such-led\"\n", id) + linetest.Config(dir, port) + `[[uplink]]
name = "cloud"
kind = "tuya"
broker = "tcp://` + broker + `"
username = "vendor01"
[uplink.tuya]
product_id = "pid01"
`
}

// cloudAt has a platform's broker listen at an address, until close.
func cloudAt(addr string, platform *uplinktest.Tuya) (at string, close func(), err error) {
	broker, err := uplinktest.NewBroker(addr, "secret", uplinktest.Rules{Allow: func(id, user, password string) bool { return password == uplinktest.Password(id, user) }})
	if err != nil {
		return "", nil, err
	}
	attached, err := uplinktest.AttachEmbedded(platform, broker.Addr(), "secret")
	if err != nil {
		broker.Close()
		return "", nil, err
	}
	return broker.Addr(), func() { attached.Close(); broker.Close() }, nil
}

const patience = 60 * time.Second

// eventually waits until something holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %v: %s", patience, what)
}

// atWork runs a station until end. Ask gives what its console says to a command,
// "" while there is none, and status what it says of itself.
func atWork(t *testing.T, st *Station, socket string) (ask func(command ...string) string, status func() console.Status, end func()) {
	t.Helper()
	first, problems, err := st.First()
	if err != nil {
		t.Fatal(err, problems)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- st.Run(ctx, first) }()
	ask = func(command ...string) string {
		var out strings.Builder
		if err := console.Ask(socket, console.Request{Command: command, JSON: true}, &out); err != nil {
			return ""
		}
		return out.String()
	}
	status = func() (s console.Status) {
		json.Unmarshal([]byte(ask("status")), &s)
		return s
	}
	end = func() {
		t.Helper()
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("it ended with %v", err)
			}
		case <-time.After(patience):
			t.Fatal("it does not end")
		}
	}
	return ask, status, end
}

// TestAStationFromStartToEnd runs a whole daemon in this process, on a line and
// a broker: readings reach the platform, the console answers, another
// configuration takes over, and at the end all is on flash.
func TestAStationFromStartToEnd(t *testing.T) {
	dir := t.TempDir()
	port, _ := linetest.New(t, nil)
	platform := &uplinktest.Tuya{}
	broker, closed, err := cloudAt("127.0.0.1:0", platform)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closed)
	whole := func(id string) string { return wholeText(id, dir, port, broker) }
	file := filepath.Join(dir, "meterd.toml")
	if err := os.WriteFile(file, []byte(whole("gw1")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := saveReset(filepath.Join(dir, "readings.ring.state.reset"), board.Hang{}); err != nil { // one that tells nothing
		t.Fatal(err)
	}
	var log bytes.Buffer
	st := New(Config{Version: "test", Built: time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC), Files: takeover.NewFiles(file), Journal: journal.New(&log, slog.LevelDebug)})
	ask, status, end := atWork(t, st, filepath.Join(dir, "sock"))
	var s console.Status
	eventually(t, "readings at the platform, and its answers at the board", func() bool {
		s = status()
		return len(platform.Seen().Reports) > 10 && len(s.Uplinks) == 1 && s.Uplinks[0].Acked > 0
	})
	if s.Gateway != "gw1" || len(s.Meters) != 1 || !s.Meters[0].Online || len(s.Uplinks) != 1 || !s.Uplinks[0].Connected {
		t.Errorf("status: %+v", s)
	}
	holdsBoardState(t, st)
	if out := ask("relay", "Unit 1", "trip", "-yes"); !strings.Contains(out, "done") {
		t.Errorf("relay: %s", out)
	}
	eventually(t, "the relay's state at the platform", func() bool {
		for _, r := range platform.Seen().Reports {
			if r.DP == "1" && string(r.Value) == "false" {
				return true
			}
		}
		return false
	})

	if err := os.WriteFile(file, []byte(whole("gw2")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := ask("config", "reload"); !strings.Contains(out, "taken over") {
		t.Errorf("reload: %s", out)
	}
	eventually(t, "the new configuration at work", func() bool {
		s := status()
		return s.Gateway == "gw2" && len(s.Uplinks) == 1 && s.Uplinks[0].Connected && s.Meters[0].Online
	})
	eventually(t, "the new configuration proved", func() bool { return status().Config.State == "proved" })
	if sh := st.onDuty(); sh != nil {
		sh.noteLost("cloud")(store.Gap{From: 3, To: 7, Cause: store.Overwritten, Since: time.Unix(1800000000, 0), Until: time.Unix(1800003600, 0)}, 5)
	}
	eventually(t, "the gap told", func() bool {
		rd := st.store().NewReader(0)
		for e, ok := rd.Next(); ok; e, ok = rd.Next() {
			var ev meter.Event
			if e.Gap == nil && meter.IsEvent(e.Data) && ev.UnmarshalBinary(e.Data) == nil && ev.Kind == meter.EventGap {
				return ev.Text == "cloud: 5 records, 3 to 7, overwritten, 2027-01-15T08:00:00Z to before 2027-01-15T09:00:00Z"
			}
		}
		return false
	})
	end()
	if v := platform.Seen().Violations; len(v) > 0 {
		t.Errorf("violations: %v", v)
	}
	ring, err := store.OpenReadOnly(filepath.Join(dir, "readings.ring"), meter.Packing{})
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	if last, _ := ring.Cursor("cloud"); last < uint64(len(platform.Seen().Reports))/10 {
		t.Errorf("the cursor stands at %d", last)
	}
	if learned := loadState(filepath.Join(dir, "readings.ring.state"), st.log).Meters; len(learned) != 1 || learned[0].Address != "202411200101" {
		t.Errorf("learned was %+v", learned)
	}
	for _, line := range []string{"no LED", "meterd runs", "frame bus=b1", "the new configuration works", "meterd ends"} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log lacks %q", line)
		}
	}
	if strings.Contains(log.String(), "reset the board before") {
		t.Error("a reset is told that was none")
	}
}

// TestWhatWasLearnedMayBeLost: a file that is damaged, or of another version,
// is told of and left out; one that is not there is nothing to tell.
func TestWhatWasLearnedMayBeLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for _, c := range []struct{ holds, told string }{
		{"", ""},
		{`{"version":1,"meters":[{"address":"202411200101"}]}`, ""},
		{`{"version":2,"meters":[]}`, "it is of version 2"},
		{`{"version":1,"meters":[`, "unexpected end"},
		{`{"version":1,"meters":7}`, "cannot unmarshal"},
		{`[gateway]`, "it holds something else, and is left alone"},
		{strings.Repeat(" ", mostState+1), "it has more than 16777216 bytes"},
	} {
		if c.holds != "" {
			if err := os.WriteFile(path, []byte(c.holds), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var log bytes.Buffer
		learned := loadState(path, slog.New(slog.NewTextHandler(&log, nil)))
		if (c.told == "") != (log.Len() == 0) || !strings.Contains(log.String(), c.told) {
			t.Errorf("%.40q: told %s, want %q", c.holds, &log, c.told)
		}
		if want := strings.Count(c.holds, "address"); len(learned.Meters) != want {
			t.Errorf("%.40q: learned %+v", c.holds, learned)
		}
	}
}

// TestTheStateIsWrittenOverNothingElse: whatever [store] state names that is no
// state of ours is left as it is, and hangs nobody.
func TestTheStateIsWrittenOverNothingElse(t *testing.T) {
	for holds, want := range map[string]string{
		"":                                       "",
		"\x00\x00\x00":                           "",
		`{"version":1,"meters":[`:                "", // damaged, and ours
		`{"version":1,"meters":[]}`:              "",
		"[gateway]\nid = \"gw\"\n":               "it holds something else, and is left alone",
		"root:x:0:0:root:/root:/bin/sh\n":        "it holds something else",
		`{"other":1}`:                            "it holds something else",
		`{"version":2,"meters":[],"more":"new"}`: "it is of version 2, of a newer program, and is left alone",
		"FIFO":                                   "it is no regular file",
	} {
		path := filepath.Join(t.TempDir(), "state")
		err := os.WriteFile(path, []byte(holds), 0o600)
		if holds == "FIFO" {
			os.Remove(path)
			err = unix.Mkfifo(path, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		loadState(path, slog.New(slog.DiscardHandler)) // and goes on
		err = writeState(path, state{Version: stateVersion})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", holds, err, want)
		}
		if b, _ := board.ReadFile(path, 1000); want != "" && holds != "FIFO" && string(b) != holds {
			t.Errorf("%q is %q now", holds, b)
		}
	}
}

// TestAReasonOfAResetOutlivesIt: what hung is written before the watchdog
// bites, told at the next start, and shown.
func TestAReasonOfAResetOutlivesIt(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "meterd.toml")
	text := wholeText("gw1", dir, "/dev/null", "127.0.0.1:1")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, hang := range []*board.Hang{nil, {Loop: "bus b1", Silent: 301}} {
		st := newTestStation(t, file)
		first, problems, err := st.First()
		if err != nil {
			t.Fatal(err, problems)
		}
		if reset := st.watchdogStatus().LastReset; reset != nil {
			t.Errorf("told before there was one: %+v", reset)
		}
		if hang == nil {
			continue
		}
		if err := saveReset(resetFile(first.Config), *hang); err != nil {
			t.Fatal(err)
		}
		again := newTestStation(t, file)
		if _, _, err := again.First(); err != nil {
			t.Fatal(err)
		}
		if reset := again.watchdogStatus().LastReset; reset == nil || reset.Loop != "bus b1" || reset.Silent != 301 {
			t.Errorf("after the reset it is told as %+v", reset)
		}
	}
}

// TestTasksThatHang: one that does not end in its time is left behind, and
// what one ends with is not lost.
func TestTasksThatHang(t *testing.T) {
	var r rota
	broken := errors.New("broken")
	if err := r.begin(taskSticks, "a", func(ctx context.Context) error { <-ctx.Done(); return broken }); err != nil {
		t.Fatal(err)
	}
	if err := r.end(taskSticks); !errors.Is(err, broken) {
		t.Errorf("it ended with %v", err)
	}
	if err := r.end(taskSticks); err != nil {
		t.Errorf("ended again: %v", err)
	}
}
