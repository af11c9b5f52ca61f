// Package linetest is a line with simulated meters on a pty, for the tests of
// the firmware's rooms: what they open is a serial port like any other.
//
// It owns the pty and the goroutine that serves it until the line is stopped.
// Only tests import it.
package linetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// Baud is the rate of a line of Meters.
const Baud = 9600

// Addresses of the meters that Meters gives.
const (
	Whole   = "202411200101" // answers everything
	NoBlock = "202411200102" // refuses blocks
)

// Meters are two meters with three phases whose voltages and total power are
// fixed and whose frequency is absent.
func Meters(zone *time.Location) []*dlt645test.Meter {
	var meters []*dlt645test.Meter
	for i := range byte(2) {
		m := dlt645test.NewMeter(dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01 + i}, 3)
		for p := range uint32(3) {
			m.SetNumber(0x02010100+p<<8, 2201+int64(p), 2, false)
		}
		m.SetNumber(0x02030000, -123, 3, true)
		m.Set(0x02800002, []byte{0xFF, 0xFF})
		m.NoBlock, m.Zone = i == 1, zone
		meters = append(meters, m)
	}
	return meters
}

// Open puts a line on a pty and serves it. The path is that of its port; stop
// takes it away and waits for the line's end.
func Open(line *dlt645test.Line) (path string, stop func(), err error) {
	master, slave, err := pty.Open()
	if err != nil {
		return "", nil, err
	}
	if _, err := term.MakeRaw(int(slave.Fd())); err != nil {
		master.Close()
		slave.Close()
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		line.Serve(ctx, master)
	}()
	return slave.Name(), func() {
		cancel()
		slave.Close() // with nobody at this end the blocked read of the other fails
		<-done
		master.Close()
	}, nil
}

// New opens a line of Meters for a test, which ends with it; change, if not
// nil, changes the line before anybody is served.
func New(t testing.TB, change func(*dlt645test.Line)) (path string, line *dlt645test.Line) {
	t.Helper()
	line = &dlt645test.Line{Baud: Baud, Meters: Meters(nil)}
	if change != nil {
		change(line)
	}
	path, stop, err := Open(line)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return path, line
}

const config = `[store]
path = "DIR/readings.ring"
size = "1MiB"
flush = "100ms"
[console]
socket = "DIR/sock"
[[bus]]
name = "b1"
port = "PORT"
baud = 9600
[[profile]]
name = "fast"
[[profile.poll]]
every = "1s"
points = ["voltage", "frequency", "relay"]
[[meter]]
name = "Unit 1"
bus = "b1"
address = "` + Whole + `"
profile = "fast"
password = "02123456"
`

// Config is the text of a configuration that reads the first of Meters each second,
// on the line at port; the ring and the console's socket are in dir. It names no
// gateway and no uplink: tables of those go before and after it.
func Config(dir, port string) string {
	return strings.NewReplacer("DIR", dir, "PORT", port).Replace(config)
}
