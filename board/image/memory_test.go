package image

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"meterd/uplink/uplinktest"
)

// mostMemory is what the daemon may ever have had in memory, its program
// included (VmHWM).
const mostMemory = 20 << 10 // KiB

// TestMemory reads 64 meters with the built-in profile and delivers to two
// platforms, one of which is away until every meter was read.
func TestMemory(t *testing.T) {
	parts(t)
	if os.Getenv("METERD_LONG") == "" {
		t.Skip("METERD_LONG is not set; make bench and make test-machine-long set it")
	}
	t.Parallel()
	s := newSite(t, 64)
	s.line.Baud = 115200 // the line is not what is measured
	const key = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
	other := &uplinktest.Onenet{ProductID: "469948", Device: "gw", AccessKey: key}
	broker, err := uplinktest.NewBroker("127.0.0.1:0", "secret", uplinktest.Rules{Allow: other.Allow})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close() })
	attached, err := uplinktest.AttachEmbedded(other, broker.Addr(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(attached.Close)
	_, port, err := net.SplitHostPort(broker.Addr())
	if err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer("baud = 9600", "baud = 19200", `profile = "fast"`, `profile = "three-phase"`).Replace(s.config("en"))
	config += fmt.Sprintf("[[uplink]]\nname = \"onenet\"\nkind = \"onenet\"\nbroker = \"tcp://10.0.2.2:%s\"\n[uplink.onenet]\nproduct_id = %q\ndevice = %q\naccess_key = %q\n", port, other.ProductID, other.Device, key)
	s.broker.Stop()
	m := powerOn(t, flash(t, map[string]string{"meterd.toml": config}))
	s.wire(m)
	m.ready()
	status := func() *status {
		time.Sleep(3 * time.Second) // each question takes its share of a slow processor
		return m.status()
	}
	m.wait("every meter is read", func() bool {
		now := status()
		return now != nil && now.online() == 64 && now.Ring.Last >= 2*64
	})
	if now := status(); now == nil || now.Uplinks[0].Connected || now.Uplinks[0].Queued < 64 {
		t.Errorf("while the platform is away its uplink is %+v", now)
	}
	if err := s.broker.Start(); err != nil {
		t.Fatal(err)
	}
	m.wait("the backlog is delivered", func() bool {
		now := status()
		return now != nil && now.Uplinks[0].Acked > 0 && now.Uplinks[0].Queued < 64 && now.Uplinks[1].Acked > 0 && now.Uplinks[1].Queued < 64
	})
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindStringSubmatch(m.do("cat /proc/$(cat /run/meterd.pid)/status"))
	if peak == nil {
		t.Fatal("the kernel does not tell the peak")
	}
	kib, err := strconv.Atoi(peak[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("peak of the daemon's memory with 64 meters and two uplinks: %d KiB (VmHWM), %d values delivered", kib, s.stored())
	if kib > mostMemory {
		t.Errorf("the daemon has had %d KiB in memory, want at most %d", kib, mostMemory)
	}
	m.end()
	s.checkPlatform()
	if v := other.Seen().Violations; len(v) > 0 {
		t.Errorf("violations: %s", strings.Join(v, "\n"))
	}
}
