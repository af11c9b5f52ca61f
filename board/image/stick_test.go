package image

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
)

// stick makes a USB stick with these files, formatted with FAT.
func (m *machine) stick(name string, files map[string]string) (image string) {
	m.t.Helper()
	image = filepath.Join(m.dir, name+".img")
	os.Remove(image)
	tool(m.t, "mkfs.vfat", "-C", image, "8192")
	for file, text := range files {
		from := filepath.Join(m.dir, "file")
		if err := os.WriteFile(from, []byte(text), 0o600); err != nil {
			m.t.Fatal(err)
		}
		tool(m.t, "mcopy", "-i", image, from, "::"+file)
	}
	return image
}

// plug puts a stick into the machine while it runs.
func (m *machine) plug(image string) {
	m.t.Helper()
	m.order("blockdev-add", map[string]any{"driver": "file", "node-name": "stick0", "filename": image})
	m.order("device_add", map[string]any{"driver": "usb-storage", "id": "stick", "drive": "stick0"})
}

// pull takes it out again, whatever is going on.
func (m *machine) pull() {
	m.t.Helper()
	gone := m.happened("DEVICE_DELETED")
	m.order("device_del", map[string]any{"id": "stick"})
	m.wait("the stick is out", func() bool { return m.happened("DEVICE_DELETED") > gone })
	m.order("blockdev-del", map[string]any{"node-name": "stick0"})
}

// reported waits until the report on a stick, which is still plugged in, says
// that, and gives the report.
func (m *machine) reported(image, pattern string) (report string) {
	m.t.Helper()
	p := regexp.MustCompile(pattern)
	m.wait("a report with "+pattern, func() bool {
		out, err := exec.Command("mtype", "-i", image, "::meterd-report-m01.txt").Output()
		report = string(out)
		return err == nil && p.MatchString(report)
	})
	return report
}

// TestSticks configures a running board by USB sticks, good, wrong, signed,
// forged, and pulled while they are read.
func TestSticks(t *testing.T) {
	parts(t)
	t.Parallel()
	s := newSite(t, 3)
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, forger, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// One configuration for one meter, one for two, one for all three.
	first, second, third := s.configOf(1, "en", ""), s.configOf(2, "en", public.String()), s.configOf(3, "zh", public.String())
	m := s.begin(map[string]string{"meterd.toml": first})

	t.Log("wrong: refused, with the line of each mistake, and the old one goes on")
	wrong := strings.Replace(second, "baud = 9600", "baud = 9601\nbadu = 2400", 1)
	stick := m.stick("wrong", map[string]string{"meterd.toml": wrong})
	m.plug(stick)
	report := m.reported(stick, "REFUSED")
	for n, line := range strings.Split(wrong, "\n") {
		if strings.HasPrefix(line, "baud = 9601") || strings.HasPrefix(line, "badu") {
			if !strings.Contains(report, fmt.Sprintf(":%d: error", n+1)) {
				t.Errorf("the report does not name line %d (%s):\n%s", n+1, line, report)
			}
		}
	}
	m.pull()
	s.goesOn(m, 1)

	t.Log("good: taken over")
	stick = m.stick("good", map[string]string{"meterd.toml": second})
	m.plug(stick)
	m.reported(stick, `result: TAKEN OVER\r`)
	m.pull()
	s.goesOn(m, 2)

	t.Log("from now on a key is set. Unsigned, and signed by somebody else: refused")
	for name, files := range map[string]map[string]string{
		"unsigned": {"meterd.toml": third},
		"forged":   {"meterd.toml": third, "meterd.toml.minisig": string(minisign.Sign(forger, []byte(third)))},
		"changed":  {"meterd.toml": third, "meterd.toml.minisig": string(minisign.Sign(private, []byte(third+" ")))},
	} {
		stick = m.stick(name, files)
		m.plug(stick)
		m.reported(stick, "result: REFUSED")
		m.pull()
	}
	s.goesOn(m, 2)

	t.Log("signed, and pulled while it is read: nothing happens, or it is taken over")
	padded := third + strings.Repeat("# "+strings.Repeat("x", 98)+"\n", 2000) // takes longer
	signed := map[string]string{"meterd.toml": padded, "meterd.toml.minisig": string(minisign.Sign(private, []byte(padded)))}
	for range 6 {
		m.plug(m.stick("pulled", signed))
		time.Sleep(time.Duration(mathrand.Int64N(int64(1500 * time.Millisecond))))
		m.pull()
	}
	if now := m.status(); now == nil {
		t.Error("the daemon does not answer when the sticks are out")
	}
	stick = m.stick("signed", signed)
	m.plug(stick)
	m.reported(stick, "(TAKEN OVER|已采用|无需更改)\r")
	m.pull()
	s.goesOn(m, 3)
	if out := m.do("meterd exec status"); !strings.Contains(out, "总线") {
		t.Errorf("the configuration that runs is not the last one:\n%s", out)
	}
	if log := m.do("dmesg"); strings.Contains(log, "Oops") || strings.Contains(log, "BUG:") {
		t.Errorf("the kernel took harm:\n%s", log)
	}
	m.end()
	m.neverReset()
	s.checkPlatform()
}

// goesOn waits until new values of that many meters have come to the platform.
func (s *site) goesOn(m *machine, meters int) {
	s.t.Helper()
	from := s.stored()
	m.wait(fmt.Sprintf("new values of %d meters", meters), func() bool {
		seen := map[string]bool{}
		for _, r := range s.platform.Seen().Reports[from:] {
			seen[r.CID] = true
		}
		return len(seen) >= meters
	})
}

// TestStickMendsABrokenConfiguration boots a board whose configuration was
// broken by hand. It runs what new boards run, and takes a stick.
func TestStickMendsABrokenConfiguration(t *testing.T) {
	parts(t)
	t.Parallel()
	s := newSite(t, 1)
	m := powerOn(t, flash(t, map[string]string{"meterd.toml": "[gateway\n"}))
	s.wire(m)
	m.ready()
	m.wait("a daemon that says what is wrong", func() bool {
		out, status := m.try("meterd exec status")
		return status == "0" && strings.Contains(out, "/data/meterd.toml is not usable")
	})
	m.plug(m.stick("good", map[string]string{"meterd.toml": s.config("en")}))
	m.wait("values at the platform", func() bool { return s.stored() > 0 })
	m.pull()
	m.end()
	s.checkPlatform()
	m.neverReset()
}
