package image

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
)

// TestTheRingIsSpoiled on a booted board, which goes on: something else stands in
// its place at the start, then it is moved away, then older data are put back.
func TestTheRingIsSpoiled(t *testing.T) {
	parts(t)
	t.Parallel()
	s := newSite(t, 2)
	dir := flash(t, map[string]string{"meterd.toml": s.config("en"), "readings.ring": "something else"})
	m := powerOn(t, dir)
	s.wire(m)
	m.ready()

	t.Log("something else in its place: readings go on, from memory, and what to do is told")
	s.goesOn(m, 2)
	if out := m.do("meterd exec status"); !strings.Contains(out, "meterd ring format /data/readings.ring") {
		t.Errorf("the status says\n%s", out)
	}
	if out, status := m.try("meterd ring format /data/readings.ring"); status != "1" || !strings.Contains(out, `is no ring: 14 bytes that begin with "something else"`) {
		t.Errorf("format says %s, exit status %s", out, status)
	}
	if out := m.do("cat /data/readings.ring"); out != "something else" {
		t.Errorf("it was written over: %q", out)
	}
	m.do("meterd ring format -yes -size 4MiB /data/readings.ring")
	m.wait("the new ring at work", func() bool {
		now := m.status()
		return now != nil && now.Ring.Capacity > 0 && now.Ring.Waiting == 0 && now.Ring.Last >= now.Ring.First
	})
	s.goesOn(m, 2)

	t.Log("moved away: a new one takes what waits")
	m.do("mv /data/readings.ring /data/away")
	m.wait("a new ring", func() bool { _, status := m.try("test -e /data/readings.ring"); return status == "0" })
	m.wait("records in it", func() bool {
		now := m.status()
		return now != nil && now.Ring.Capacity > 0 && now.Ring.Waiting == 0 && now.Ring.Last >= now.Ring.First
	})
	s.goesOn(m, 2)

	t.Log("everything older put back while the power is off: no number is used twice")
	m.do("sync")
	before := filepath.Join(dir, "before.img")
	m.cut()
	copyImage(t, filepath.Join(dir, "flash.img"), before)
	for range 2 {
		m = powerOn(t, dir)
		s.wire(m)
		m.ready()
		s.goesOn(m, 2)
		m.cut()
		copyImage(t, before, filepath.Join(dir, "flash.img"))
	}
	s.checkPlatform()
}

func copyImage(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "--sparse=always", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestAStickForThisBoard brings what is signed for this board and no older than what
// runs, with a file beside it.
func TestAStickForThisBoard(t *testing.T) {
	parts(t)
	t.Parallel()
	s := newSite(t, 2)
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		t.Skip("no certificate at hand: ", err)
	}
	ca = ca[:strings.Index(string(ca), "-----END CERTIFICATE-----")+len("-----END CERTIFICATE-----\n")]
	first := s.configOf(1, "en", public.String())
	second := s.configOf(2, "en", public.String()) + "[[uplink]]\nname = \"far\"\nkind = \"tuya\"\nbroker = \"ssl://10.0.2.2:1\"\nusername = \"vendor01\"\nca = \"/data/certs/ca.pem\"\n[uplink.tuya]\nproduct_id = \"pid02\"\n"
	signed := func(text, comment string) map[string]string {
		return map[string]string{"meterd.toml": text, "meterd.toml.minisig": string(minisign.SignWithComments(private, []byte(text), comment, "")), "ca.pem": string(ca)}
	}
	hash := fmt.Sprintf(" sha256:ca.pem=%x", sha256.Sum256(ca))
	m := s.begin(map[string]string{"meterd.toml": first})
	for _, c := range []struct{ name, text, comment, want string }{
		{"other", second, "gateway:m02 date:2026-11-20T12:00:00Z" + hash, `it is signed for gateway "m02"`},
		{"bare", second, "gateway:m01 date:2026-11-20T12:00:00Z", "the signature does not cover it"},
		{"good", second, "gateway:m01 date:2026-11-20T12:00:00Z" + hash, `result: TAKEN OVER\r`},
		{"older", first, "gateway:m01 date:2026-11-19T12:00:00Z", "it is older"},
	} {
		stick := m.stick(c.name, signed(c.text, c.comment))
		m.plug(stick)
		m.reported(stick, c.want)
		m.pull()
	}
	s.goesOn(m, 2)
	if out := m.do("stat -c %a /data/certs/ca.pem; cat /data/certs/ca.pem"); out != "600\n"+string(ca) {
		t.Errorf("on the board it is\n%s", out)
	}
	m.end()
	s.checkPlatform()
	m.neverReset()
}
