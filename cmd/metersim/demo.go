package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"meterd/cmd/meterd/console"
	"meterd/cmd/metersim/screen"
	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

const demoMeters = 3

// roundEnds is how long a round may go on when the line has come to rest: two
// requests are lost, each sent twice.
const roundEnds = 7 * time.Second

func runDemo(ctx context.Context, args []string) error {
	f := flags("demo")
	length := f.Duration("for", 40*time.Second, "how long it runs before it drains and ends; at least 20s")
	binary := f.String("meterd", "", "the daemon; default: beside this program")
	platform := f.String("platform", "tuya", stageNames())
	var faults stageFaults
	f.Func("fault", "NAME or NAME=RATE: silent (the platform does not answer a report), busy (it tells of trouble, where it has a code for it)", faults.set)
	scene := f.String("scene", "outage", "outage (the broker is away) or record (the board was away, and the meters' memory fills the record)")
	picture := f.String("picture", "", "write the screen in the middle of the outage to this file, as SVG")
	if err := parse(f, args); err != nil {
		return err
	}
	if *length < 20*time.Second {
		fmt.Fprintln(os.Stderr, "error: -for must be 20s at least")
		return errUsage
	}
	build, ok := stages[*platform]
	if !ok {
		fmt.Fprintf(os.Stderr, "error: there is no platform %q: want one of %s\n", *platform, stageNames())
		return errUsage
	}
	path, err := findDaemon(*binary)
	if err != nil {
		return err
	}
	d, err := newDemo(*length, path, build)
	if err != nil {
		return err
	}
	defer d.close()
	d.picture = *picture
	switch *scene {
	case "outage":
	case "record":
		return d.recordScene(ctx)
	default:
		fmt.Fprintf(os.Stderr, "error: there is no scene %q: want outage or record\n", *scene)
		return errUsage
	}
	if faults != (stageFaults{}) {
		d.stage.trouble(faults)
		d.faulty = true
	}
	return d.run(ctx)
}

func findDaemon(given string) (string, error) {
	if given != "" {
		return exec.LookPath(given)
	}
	self, err := os.Executable()
	if err == nil {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(self), "meterd")); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("meterd")
	if err != nil {
		return "", errors.New("there is no meterd beside metersim; make build makes both")
	}
	return path, nil
}

// demo is meters on a line, a platform, and meterd between them.
type demo struct {
	length  time.Duration
	picture string
	scene   bool // that of the record
	began   time.Time
	dir     string
	binary  string
	pty     *ptyPair
	line    *dlt645test.Line
	stage   *stage
	cloud   *cloud
	ledger  ledger
	screen  *screen.Screen
	done    chan error // of the daemon
	cmd     *exec.Cmd
	output  bytes.Buffer // of the daemon, read when it has ended

	mu     sync.Mutex
	frames []string // the last lines of the line's traffic; guarded by mu

	phase   string
	status  console.Status
	meters  []console.MeterDetail
	most    int // readings that waited at most
	drained time.Duration
	faulty  bool      // the platform misbehaves
	rest    time.Time // since when the line is at rest
}

func newDemo(length time.Duration, binary string, build func(string, []string) *stage) (d *demo, err error) {
	d = &demo{length: length, binary: binary, phase: "online", done: make(chan error, 1), screen: screen.New(os.Stdout)}
	if d.dir, err = os.MkdirTemp("", "meterd-demo-"); err != nil {
		return nil, err
	}
	if d.pty, err = openPty(); err != nil {
		return nil, err
	}
	d.line = &dlt645test.Line{Baud: 2400, Meters: newMeters(demoMeters, 3), Tap: d.tap}
	var addresses []string
	for _, m := range d.line.Meters {
		addresses = append(addresses, m.Address.String())
	}
	d.stage = build("demo01", addresses)
	d.cloud, err = startOwnCloud(&d.stage.simulated)
	return d, err
}

func (d *demo) close() {
	d.screen.End()
	if d.cmd != nil && d.cmd.ProcessState == nil {
		d.cmd.Process.Kill()
		<-d.done
	}
	if d.cloud != nil {
		d.cloud.close()
	}
	os.RemoveAll(d.dir)
}

// demoConfig is what an installer would write, with shorter periods. The
// line is busy for some 80 % of its time.
const demoConfig = `[gateway]
id = "demo01"

[usb]
enable = false
[store]
path  = %q
size  = "4MiB"
flush = "2s"

[console]
socket = %q

[[bus]]
name = "rs485-1"
port = %q
baud = 2400

[[profile]]
name = "demo"
[[profile.poll]]
every  = "10s"
points = ["voltage", "current", "power.active", "power.reactive", "power.factor", "frequency"]
[[profile.poll]]
every  = "20s"
points = ["energy.forward", "status"]

`

func (d *demo) config() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, demoConfig, filepath.Join(d.dir, "readings.ring"), d.socket(), d.pty.path)
	profile := "demo"
	if d.scene {
		profile = "record"
		fmt.Fprintf(&b, sceneConfig, sceneHours)
		text := strings.Replace(b.String(), "baud = 2400\n", "baud = 2400\nhistory_share = 50\n", 1) // else one waits for minutes
		b.Reset()
		b.WriteString(text)
	}
	b.WriteString(d.stage.config(d.cloud.addr))
	for i, m := range d.line.Meters {
		fmt.Fprintf(&b, "\n[[meter]]\nname    = %q\nbus     = \"rs485-1\"\naddress = %q\nprofile = %q\n", meterName(i), m.Address, profile)
	}
	return b.String()
}

func (d *demo) socket() string { return filepath.Join(d.dir, "meterd.sock") }

func (d *demo) start() error {
	file := filepath.Join(d.dir, "meterd.toml")
	if err := os.WriteFile(file, []byte(d.config()), 0o600); err != nil {
		return err
	}
	d.cmd = exec.Command(d.binary, "run", "-config", file)
	d.cmd.Stdout, d.cmd.Stderr = &d.output, &d.output
	if err := d.cmd.Start(); err != nil {
		return err
	}
	go func() { d.done <- d.cmd.Wait() }()
	return nil
}

// tap notes each frame of the line, for the ledger and for the screen.
func (d *demo) tap(e dlt645test.Event) {
	d.ledger.take(e)
	text := describeFrame(e)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.frames = append(d.frames, e.At.Format("15:04:05.000")+" "+text)
	if len(d.frames) > framesShown {
		d.frames = d.frames[1:]
	}
}

func describeFrame(e dlt645test.Event) string {
	if !e.OK {
		return fmt.Sprintf("× %X", e.Wire)
	}
	f := e.Frame
	di, _ := f.DI()
	name, _ := dlt645.Name(dlt645.Item{DI: di})
	if !f.Control.Response() {
		return fmt.Sprintf("→ %s %s %s", f.Address, di, name.EN)
	}
	items, err := dlt645.Decode(nil, di, f.Payload())
	if err != nil {
		return fmt.Sprintf("← %s %s %X", f.Address, di, f.Payload())
	}
	text := fmt.Sprintf("← %s %s", f.Address, di)
	for _, it := range items {
		text += " " + it.Value.String()
	}
	return text + " " + dlt645.Unit(items[0].DI)
}

// run is the whole play.
func (d *demo) run(ctx context.Context) error {
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	go d.pty.serve(serving, d.line) // ends with the pty
	if err := d.start(); err != nil {
		return err
	}
	d.began = time.Now()
	outage := d.length * 3 / 10
	back := outage + min(10*time.Second, d.length/4)
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	pictured := false
	for {
		select {
		case <-ctx.Done():
			if err := d.end(); err != nil {
				return err
			}
			fmt.Println("ended early: a round was in progress, so the accounts are not compared")
			return nil
		case err := <-d.done:
			d.done <- err
			return fmt.Errorf("meterd has ended: %v\n%s", err, d.output.String())
		case <-tick.C:
		}
		elapsed := time.Since(d.began)
		switch {
		case d.phase == "online" && elapsed >= outage:
			d.phase = "BROKER STOPPED"
			if err := d.cloud.stopBroker(); err != nil {
				return err
			}
		case d.phase == "BROKER STOPPED" && elapsed >= back && (pictured || d.picture == ""):
			d.phase = "broker back, draining"
			if err := d.cloud.startBroker(); err != nil {
				return err
			}
		case d.phase == "broker back, draining" && d.caughtUp():
			d.phase = "caught up"
			d.drained = elapsed - back
		case elapsed >= d.length && d.phase == "caught up":
			d.phase, d.rest = "line at rest, draining", time.Now()
			d.line.Unplug(true)
		case d.phase == "line at rest, draining" && d.queued() == 0 && time.Since(d.rest) > roundEnds:
			if err := d.end(); err != nil {
				return err
			}
			return d.summary()
		case elapsed > d.length+d.patience():
			return fmt.Errorf("the backlog does not drain: %d readings wait\n%s", d.queued(), d.output.String())
		}
		d.look()
		d.screen.Show(d.lines(elapsed))
		if d.picture != "" && !pictured && d.phase == "BROKER STOPPED" && elapsed > back-time.Second {
			pictured = true
			if err := screen.WriteSVG(d.picture, d.lines(elapsed)); err != nil {
				return err
			}
		}
	}
}

func (d *demo) uplink() console.UplinkStatus {
	if len(d.status.Uplinks) == 0 {
		return console.UplinkStatus{}
	}
	return d.status.Uplinks[0]
}

func (d *demo) queued() int { return d.uplink().Queued }

// caughtUp reports whether nothing of the outage waits any more. Where answers
// are lost, something of now always does.
func (d *demo) caughtUp() bool {
	most := 1
	if d.faulty {
		most = 3 * demoMeters
	}
	return d.uplink().Connected && d.queued() <= most
}

// patience is how long the draining may take.
func (d *demo) patience() time.Duration {
	if d.faulty {
		return 5 * time.Minute
	}
	return time.Minute
}

// look asks the daemon how it fares.
func (d *demo) look() {
	ask := func(v any, words ...string) bool {
		var out bytes.Buffer
		err := console.Ask(d.socket(), console.Request{Command: words, JSON: true}, &out)
		return err == nil && json.Unmarshal(out.Bytes(), v) == nil
	}
	var s console.Status
	if !ask(&s, "status") {
		return // it is starting
	}
	d.status = s
	d.most = max(d.most, d.queued())
	d.meters = d.meters[:0]
	for _, m := range s.Meters {
		var detail console.MeterDetail
		if ask(&detail, "meter", m.Address) {
			d.meters = append(d.meters, detail)
		}
	}
}

// end stops the daemon as an init system would.
func (d *demo) end() error {
	d.screen.End()
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-d.done:
		d.done <- err
		if err != nil {
			return fmt.Errorf("meterd ended with %v\n%s", err, d.output.String())
		}
	case <-time.After(5 * time.Second):
		return fmt.Errorf("meterd did not end within 5 s of SIGTERM\n%s", d.output.String())
	}
	return nil
}

// summary compares what the meters said with what the platform holds.
func (d *demo) summary() error {
	repeats, violations := d.stage.tally()
	acc := d.ledger.compare(d.stage.seen(), d.stage.wants)
	u := d.uplink()
	fmt.Printf("%d requests on the line, %d answers; %d messages delivered and acknowledged, %d sent again\n",
		d.busStatus().Requests, d.busStatus().Answers, u.Acked, u.Resent)
	if repeats > 0 {
		fmt.Printf("of those sent again, %d came twice with the same id or time\n", repeats)
	}
	fmt.Printf("the broker was away; %d readings waited at most; %.0f s after its return none was left\n", d.most, d.drained.Seconds())
	fmt.Printf("values answered on the line and meant for the platform: %d; stored there exactly so: %d; missing: %d; invented: %d\n",
		acc.Answered, acc.Stored, len(acc.Missing), len(acc.Invented))
	if n := len(acc.Delays); n > 0 {
		fmt.Printf("from a round's last answer to its value at the platform: %d ms at least, %d ms in the median (those of the outage had to wait)\n",
			acc.Delays[0].Milliseconds(), acc.Delays[n/2].Milliseconds())
	}
	if len(acc.Missing)+len(acc.Invented)+len(violations) > 0 {
		for _, a := range acc.Missing {
			fmt.Printf("missing: %s meter %s %s = %s\n", a.at.Format("15:04:05.000"), a.meter, a.item, a.value)
		}
		for _, r := range acc.Invented {
			fmt.Printf("invented: %s meter %s %s = %s\n", r.at.Format("15:04:05"), r.meter, r.item, r.value)
		}
		for _, v := range violations {
			fmt.Println("violation:", v)
		}
		return errors.New("the platform does not hold what the meters said")
	}
	return nil
}

func (d *demo) busStatus() console.BusStatus {
	if len(d.status.Buses) == 0 {
		return console.BusStatus{}
	}
	return d.status.Buses[0]
}
