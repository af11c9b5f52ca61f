package image

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// begin boots a new board at this site and waits until what its meters say
// is at the platform.
func (s *site) begin(files map[string]string) *machine {
	s.t.Helper()
	if files == nil {
		files = map[string]string{"meterd.toml": s.config("en")}
	}
	m := powerOn(s.t, flash(s.t, files))
	s.wire(m)
	m.ready()
	m.wait("values at the platform", func() bool { return s.stored() > 0 })
	return m
}

// end switches the machine off as somebody with a console would.
func (m *machine) end() {
	m.t.Helper()
	fmt.Fprintln(m.hand, "poweroff")
	m.wait("the machine is off", func() bool {
		select {
		case <-m.ended:
			return true
		default:
			return false
		}
	})
}

// TestBoard boots the image: init starts meterd, meters are read and reach
// the platform, the console port answers in both languages, and what dies is
// started again.
func TestBoard(t *testing.T) {
	parts(t)
	t.Parallel()
	s := newSite(t, 2)
	m := s.begin(nil)

	t.Log("console, in English")
	m.types("\r")
	m.sees(`> $`)
	m.types("status\r")
	m.sees(`(?s)meterd m01 .*bus b1.*Unit 101 .*202411200101.*ring .*m01> $`)

	t.Log("killed, and started again by init")
	before := strings.TrimSpace(m.do("cat /run/meterd.pid"))
	m.do("kill -9 " + before)
	m.wait("another daemon", func() bool {
		now := m.status()
		return now != nil && now.anyOnline() && strings.TrimSpace(m.do("cat /run/meterd.pid")) != before
	})
	count := s.stored()
	m.wait("more values at the platform", func() bool { return s.stored() > count })
	if out := m.do("logread"); !strings.Contains(out, "meterd: ") {
		t.Errorf("nothing of the daemon is in the system's log: %s", out)
	}

	t.Log("console, in Chinese")
	m.do("sed -i 's/language = \"en\"/language = \"zh\"/' /data/meterd.toml && meterd exec config reload")
	m.wait("Chinese", func() bool {
		out, _ := m.try("meterd exec status")
		return strings.Contains(out, "总线 b1")
	})
	m.types("exit\r") // the next session speaks it
	m.sees(`> $`)
	m.types("status\r")
	m.sees(`(?s)总线 b1.*Unit 101 .*202411200101.*m01> $`)

	m.end()
	s.checkPlatform()
	m.neverReset()
	if off := m.uart.find(regexp.MustCompile(`reboot: Power down`), 0); off == nil {
		t.Error("the machine did not switch itself off")
	}
}

// types sends keys to the console port.
func (m *machine) types(keys string) {
	m.t.Helper()
	m.seen = m.uart.len()
	if _, err := fmt.Fprint(m.keys, keys); err != nil {
		m.t.Fatal(err)
	}
}

// escapes are what moves a cursor and changes a colour.
var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]`)

// sees waits until what came since the last keys, or the last sight, matches.
func (m *machine) sees(pattern string) {
	m.t.Helper()
	p := regexp.MustCompile(pattern)
	m.wait("on the console port: "+pattern, func() bool {
		return p.MatchString(escapes.ReplaceAllString(m.uart.from(m.seen), ""))
	})
	m.seen = m.uart.len()
}
