package image

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
	"meterd/uplink/uplinktest"
)

// site is what stands around a board: meters on its line, a broker, and a
// strict platform behind that.
type site struct {
	t        *testing.T
	line     *dlt645test.Line
	broker   *uplinktest.Mosquitto
	platform *uplinktest.Tuya
}

// gateway is the board's id on the platform.
const gateway = "m01"

func newSite(t *testing.T, meters int) *site {
	t.Helper()
	const secret = "the platform's own"
	s := &site{t: t, line: &dlt645test.Line{Baud: 9600}, platform: &uplinktest.Tuya{}}
	for i := range meters {
		a, err := dlt645.ParseAddress(fmt.Sprintf("2024112001%02d", i+1))
		if err != nil {
			t.Fatal(err)
		}
		s.line.Meters = append(s.line.Meters, dlt645test.NewMeter(a, 3))
	}
	var err error
	s.broker, err = uplinktest.NewMosquitto(t.TempDir(), map[string]string{"vendor01": uplinktest.Password(gateway, "vendor01"), "platform": secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.broker.Stop)
	attached, err := uplinktest.Attach(s.platform, s.broker.Addr(), "platform", secret)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(attached.Close)
	return s
}

const siteConfig = `[gateway]
id = %q
language = %q
[store]
path  = "/data/readings.ring"
size  = "4MiB"
flush = "500ms"
[board]
watchdog = "/dev/watchdog"
[[bus]]
name = "b1"
port = "/dev/ttyS0"
baud = 9600
[[profile]]
name = "fast"
[[profile.poll]]
every  = "1s"
points = ["voltage", "frequency"]
[[uplink]]
name     = "tuya"
kind     = "tuya"
broker   = "tcp://10.0.2.2:%s"
username = "vendor01"
timeout  = "30s"
[uplink.tuya]
product_id = "pid01"
`

// config is a configuration for the board at this site. To the machine the
// host is 10.0.2.2.
func (s *site) config(language string) string { return s.configOf(len(s.line.Meters), language, "") }

// configOf is one for the first n meters, with a public key for sticks.
func (s *site) configOf(n int, language, key string) string {
	_, port, err := net.SplitHostPort(s.broker.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	text := fmt.Sprintf(siteConfig, gateway, language, port)
	if key != "" {
		text += fmt.Sprintf("[usb]\npublic_key = %q\n", key)
	}
	for i, m := range s.line.Meters[:n] {
		text += fmt.Sprintf("[[meter]]\nname = \"Unit %d\"\nbus = \"b1\"\naddress = %q\nprofile = \"fast\"\n", 101+i, m.Address)
	}
	return text
}

// wire connects the line to a machine's first serial port, until the machine
// ends.
func (s *site) wire(m *machine) {
	port := m.dial("line")
	go s.line.Serve(context.Background(), port)
}

// stored counts what the platform has.
func (s *site) stored() int { return len(s.platform.Seen().Reports) }

// checkPlatform wants nothing at the platform that its document forbids. One
// request id with two contents would be a sequence number used twice.
func (s *site) checkPlatform() {
	s.t.Helper()
	if v := s.platform.Seen().Violations; len(v) > 0 {
		s.t.Errorf("violations: %s", strings.Join(v, "\n"))
	}
}

// status is what the daemon says of itself, or nil when it does not yet.
func (m *machine) status() *status {
	m.t.Helper()
	out, code := m.try("meterd exec -json status 2>/dev/null")
	var s status
	if code != "0" || json.Unmarshal([]byte(out), &s) != nil || len(s.Uplinks) == 0 {
		return nil
	}
	return &s
}

// status is the part of `exec -json status` that the tests look at.
type status struct {
	Meters []struct {
		Name   string
		Online bool
	}
	Uplinks []struct {
		Connected bool
		Queued    int
		Acked     int
	}
	Watchdog struct {
		Device    string
		LastReset *struct{ Loop string } `json:"last_reset"`
	}
	Ring struct {
		First, Last, Waiting uint64
		Corrupt              int
		Capacity             int64 `json:"capacity_bytes"`
	}
}

// durable is the number of the newest record, when a power cut can take none;
// else 0, since the one before those that wait may have any number.
func (s *status) durable() uint64 {
	if s.Ring.Waiting > 0 {
		return 0
	}
	return s.Ring.Last
}

// online counts the meters that answer.
func (s *status) online() (n int) {
	for _, m := range s.Meters {
		if m.Online {
			n++
		}
	}
	return n
}

func (s *status) anyOnline() bool { return s.online() > 0 }

// record is a line of `ring dump`.
type record struct {
	Seq    uint64
	Time   string
	Meter  string
	Values map[string]string
	Gap    *struct{ From, To uint64 }
}

func (r record) text() string { return fmt.Sprint(r.Time, r.Meter, r.Values) }

func parseDump(t *testing.T, out string) (records []record) {
	t.Helper()
	for line := range strings.Lines(out) {
		var r record
		d := json.NewDecoder(bytes.NewReader([]byte(line)))
		if err := d.Decode(&r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if r.Gap == nil {
			records = append(records, r)
		}
	}
	return records
}
