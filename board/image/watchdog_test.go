package image

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHungLoopResets has the flash under the ring stand still, so that the
// ring's loop makes no progress. The watchdog of the kernel resets the
// machine, and what for is known afterwards.
func TestHungLoopResets(t *testing.T) {
	parts(t)
	t.Parallel()
	s := newSite(t, 1)
	dir := flash(t, map[string]string{"meterd.toml": strings.Replace(s.config("en"), "/data/readings.ring", "/dev/vdb", 1)})
	if err := os.WriteFile(filepath.Join(dir, "ring.img"), make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	m := powerOn(t, dir, "-blockdev", "driver=file,node-name=d1,filename="+filepath.Join(dir, "ring.img"), "-device", "virtio-blk-pci,id=ring,drive=d1")
	s.wire(m)
	m.ready()
	var before *status
	m.wait("values at the platform", func() bool {
		before = m.status()
		return s.stored() > 0 && before != nil && before.durable() > 0
	})
	if before.Watchdog.Device != "/dev/watchdog" || before.Watchdog.LastReset != nil {
		t.Errorf("before, the watchdog is %+v", before.Watchdog)
	}
	throttle := func(bytes int) {
		m.order("block_set_io_throttle", map[string]any{"id": "/machine/peripheral/ring/virtio-backend", "bps": 0, "bps_rd": 0, "bps_wr": bytes, "iops": 0, "iops_rd": 0, "iops_wr": 0})
	}
	throttle(1) // a second for each byte
	m.wait("the watchdog resets the machine", func() bool { return m.happened("RESET") > 0 })
	throttle(0)
	m.told.forget()
	m.ready()
	var after *status
	m.wait("the board works again", func() bool {
		after = m.status()
		return after != nil && after.anyOnline() && after.Uplinks[0].Connected && after.durable() > before.Ring.Last
	})
	if r := after.Watchdog.LastReset; r == nil || r.Loop != "ring" {
		b, _ := json.Marshal(after.Watchdog)
		t.Errorf("after the reset the watchdog tells %s", b)
	}
	if n := m.happened("RESET"); n != 1 {
		t.Errorf("%d resets, want one", n)
	}
	m.end()
	s.checkPlatform()
}
