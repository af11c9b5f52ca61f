package station

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meterd/cmd/meterd/journal"
	"meterd/cmd/meterd/takeover"
	"meterd/cmd/meterd/update"
	"meterd/uplink"
	"meterd/uplink/uplinktest"
)

// fleet is a board at a platform that has programs. What it runs is this
// process, whatever the program: a start of the board is another station.
type fleet struct {
	*programs
	dir    string
	broker *uplinktest.Broker
	at     *uplinktest.Attachment
	end    context.CancelFunc
	ended  chan error
	st     *Station
}

const fleetText = `[gateway]
id = "gw1"
[store]
path = "DIR/readings.ring"
size = "1MiB"
[console]
socket = "DIR/sock"
[usb]
enable = false
public_key = "KEY"
[update]
from = "cloud"
server = "SERVER/fuse-ota"
[[bus]]
name = "b1"
port = "/dev/none"
[[meter]]
name = "m1"
bus = "b1"
address = "202411200101"
profile = "single-phase"
`

// admits is a platform that knows who may come in.
type admits interface {
	uplinktest.Platform
	Allow(clientID, username, password string) bool
	AllowSubscribe(clientID, filter string) bool
}

// newFleet gives the board; text is its uplink, server where files are.
func newFleet(t *testing.T, platform admits, text, server string) *fleet {
	t.Helper()
	broker, err := uplinktest.NewBroker("127.0.0.1:0", "secret", uplinktest.Rules{Allow: platform.Allow, Subscribe: platform.AllowSubscribe})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close() })
	at, err := uplinktest.AttachEmbedded(platform, broker.Addr(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.Close)
	f := &fleet{programs: newPrograms(t), dir: t.TempDir(), broker: broker, at: at}
	whole := strings.NewReplacer("DIR", f.dir, "KEY", f.public, "SERVER", server, "BROKER", broker.Addr()).Replace(fleetText + text)
	if err := os.WriteFile(filepath.Join(f.dir, "meterd.toml"), []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.stop)
	return f
}

// start starts the board: what its slots say runs.
func (f *fleet) start() {
	f.t.Helper()
	path := filepath.Join(f.dir, "meterd.toml")
	j := journal.New(io.Discard, slog.LevelInfo)
	engine, _ := f.engine(path, j)
	f.st = New(Config{Version: engine.View().Running.Version, Built: time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC), Files: takeover.NewFiles(path), Journal: j, Update: engine})
	first, problems, err := f.st.First()
	if err != nil {
		f.t.Fatal(err, problems)
	}
	var ctx context.Context
	ctx, f.end = context.WithCancel(context.Background())
	f.ended = make(chan error, 1)
	st, ended := f.st, f.ended
	go func() { ended <- st.Run(ctx, first) }()
}

func (f *fleet) stop() {
	if f.end != nil {
		f.end()
		<-f.ended
		f.end = nil
	}
}

// restarts waits until the program gives way, and starts what is next.
func (f *fleet) restarts() {
	f.t.Helper()
	select {
	case err := <-f.ended:
		if err != nil {
			f.t.Fatal(err)
		}
	case <-time.After(patience):
		f.t.Fatalf("the program does not give way: %+v", f.st.Update.View())
	}
	f.end()
	f.start()
}

func (f *fleet) runs(version string, phase update.Phase) {
	f.t.Helper()
	eventually(f.t, fmt.Sprintf("%s %s", version, phase), func() bool {
		v := f.st.Update.View()
		return v.Running.Version == version && v.Phase == phase
	})
}

const dasUplink = `[[uplink]]
name = "cloud"
kind = "das"
broker = "tcp://BROKER"
[uplink.das]
product_id = "pk"
device_id = "device"
device_secret = "secret"
`

// TestDASBringsAProgram over a server that breaks off: fetched with Range, on
// trial, told at each step. What is not for this board is refused, and told.
func TestDASBringsAProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("a trial of 20 s")
	}
	t.Parallel()
	var files atomic.Pointer[map[string]string]
	var ranges atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			ranges.Add(1)
		}
		b := (*files.Load())[r.URL.Path]
		http.ServeContent(&breaks{ResponseWriter: w, left: len(b)/2 + 1}, r, "", time.Time{}, strings.NewReader(b))
	}))
	t.Cleanup(server.Close)
	platform := &uplinktest.DAS{ProductID: "pk", DeviceID: "device", DeviceSecret: "secret"}
	f := newFleet(t, platform, dasUplink, server.URL)
	board := update.ThisBoard()
	content := map[string]string{"/wrong": f.file("1.1.0", "other"), "/good": f.file("1.2.0", board)}
	files.Store(&content)
	f.start()
	eventually(t, "the version told", func() bool { return slices.Contains(platform.Seen().Versions, "1.0.0") })
	push := func(code, path, version string) {
		out := platform.PushFile(code, version, "meterd.update", server.URL+path, []byte(content[path]))
		if err := f.at.Publish(out); err != nil {
			t.Fatal(err)
		}
	}
	push("one", "/wrong", "1.1.0")
	eventually(t, "a refusal", func() bool { return slices.Contains(platform.Upgrades(), "one download -1") })
	push("two", "/good", "1.2.0")
	f.restarts()
	f.runs("1.2.0", update.OnTrial)
	f.runs("1.2.0", update.Proved)
	eventually(t, "the platform told", func() bool { return slices.Contains(platform.Upgrades(), "two runs 1.2.0") })
	said := platform.Upgrades()
	for _, want := range []string{"two download 100", "two upgrade 0", "two upgrade 50"} {
		if !slices.Contains(said, want) {
			t.Errorf("it was not told %q: %v", want, said)
		}
	}
	if v := platform.Seen().Violations; len(v) > 0 || ranges.Load() < 2 {
		t.Errorf("violations %v, %d ranges", v, ranges.Load())
	}
}

// breaks ends a connection after so many bytes.
type breaks struct {
	http.ResponseWriter
	left int
}

func (b *breaks) Write(p []byte) (int, error) {
	if len(p) > b.left {
		b.ResponseWriter.Write(p[:b.left])
		b.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	b.left -= len(p)
	return b.ResponseWriter.Write(p)
}

const studioUplink = `[[uplink]]
name = "cloud"
kind = "onenet-studio"
broker = "tcp://BROKER"
[uplink.onenet]
product_id = "469948"
device = "gw"
access_key = "ACCESS"
subscribe = "wildcard"
`

// TestOneNETBringsAProgram when it rings, and is told what came of it; one
// that does not prove itself is told as failed by the one before.
func TestOneNETBringsAProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("a trial of 20 s")
	}
	t.Parallel()
	key := base64.StdEncoding.EncodeToString([]byte("the key of the device"))
	service := &uplinktest.OnenetOTA{ProductID: "469948", Device: "gw", AccessKey: key}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	platform := &uplinktest.Onenet{Studio: true, ProductID: "469948", Device: "gw", AccessKey: key}
	f := newFleet(t, platform, strings.Replace(studioUplink, "ACCESS", key, 1), server.URL)
	f.start()
	eventually(t, "the version told", func() bool { return slices.Contains(service.Versions(), "1.0.0") })
	ring := func(id string) {
		if err := f.at.Publish(uplinktest.Out{Topic: "$sys/469948/gw/ota/inform", Payload: []byte(`{"id":"` + id + `"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	service.Add(1, "1.1.0", []byte(f.file("1.1.0", update.ThisBoard())), false)
	ring("1")
	f.restarts()
	f.runs("1.1.0", update.OnTrial)
	if slices.Contains(service.Versions(), "1.1.0") {
		t.Error("what is on trial is told as what runs")
	}
	f.runs("1.1.0", update.Proved)
	eventually(t, "the platform told", func() bool {
		return slices.Contains(service.Steps(1), 201) || slices.Contains(service.Versions(), "1.1.0")
	})

	service.Add(2, "1.2.0", []byte(f.file("1.2.0", update.ThisBoard())), false)
	ring("2")
	f.restarts()
	f.runs("1.2.0", update.OnTrial)
	f.stop() // as a power cut that comes again and again
	for range update.MostStarts - 1 {
		f.start()
		f.stop()
	}
	f.start()
	f.runs("1.1.0", update.WentBack)
	eventually(t, "the failure told", func() bool { return slices.Contains(service.Steps(2), 206) })
	if got := service.Steps(2); got[len(got)-1] != 206 || !slices.Contains(got, 101) {
		t.Errorf("told %v", got)
	}
	if v := append(service.Violations(), platform.Seen().Violations...); len(v) > 0 {
		t.Errorf("violations: %v", v)
	}
}

// TestAShiftThatEndsBesideAnUpdate: a platform's program is whole in its place when
// the shift ends for another reason, such as a ring that is opened anew. The program
// ends all the same: nothing else is taken any more.
func TestAShiftThatEndsBesideAnUpdate(t *testing.T) {
	p := newPrograms(t)
	st, _, _ := newStickStation(t, p.usb())
	p.boot(st)
	body := p.file("1.1.0", update.ThisBoard())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x", time.Time{}, strings.NewReader(body))
	}))
	defer srv.Close()
	ctx, end := context.WithCancel(t.Context())
	u := st.onDuty().newUpgrades("cloud")
	done := make(chan struct{})
	go func() {
		u.take(ctx, uplink.Package{Job: "1", Version: "1.1.0", URL: srv.URL, Size: int64(len(body))})
		close(done)
	}()
	eventually(t, "it is written", func() bool { return u.Progress().Stage == uplink.Installing })
	end()
	<-done
	p.restarts(st, true)
}
