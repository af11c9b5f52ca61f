package board

import (
	"encoding/binary"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestNetworkIsReadByAShell as it was meant.
func TestNetworkIsReadByAShell(t *testing.T) {
	for _, tt := range []struct {
		n    Network
		want string
	}{
		{Network{Interface: "eth0", HostName: "meterd"}, "eth0||||meterd"},
		{Network{Interface: "eth1", Address: "192.168.1.20/24", Gateway: "192.168.1.1", DNS: []string{"223.5.5.5", "1.1.1.1"}, HostName: "m-1"}, "eth1|192.168.1.20/24|192.168.1.1|223.5.5.5 1.1.1.1|m-1"},
	} {
		out, err := exec.Command("sh", "-c", tt.n.String()+`echo "$interface|$address|$gateway|$servers|$host"`).Output()
		if err != nil || strings.TrimSpace(string(out)) != tt.want {
			t.Errorf("got %q (%v), want %q", out, err, tt.want)
		}
	}
}

func TestLookAt(t *testing.T) {
	if l := LookAt("lo"); !l.There || len(l.Addresses) == 0 || l.Addresses[0] != "127.0.0.1/8" {
		t.Errorf("lo is %+v", l)
	}
	if l := LookAt("none0"); l.There || l.Cable || l.Addresses != nil {
		t.Errorf("none0 is %+v", l)
	}
}

// timeServer answers as RFC 5905, figure 8, with a clock that is that far ahead.
func timeServer(t *testing.T, stratum byte, ahead time.Duration) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		for {
			q := make([]byte, 48)
			n, from, err := c.ReadFrom(q)
			if err != nil {
				return
			}
			if n < 48 {
				continue
			}
			stamp := func(to []byte, at time.Time) {
				s := at.Sub(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC))
				binary.BigEndian.PutUint32(to, uint32(at.Unix()+2208988800))
				binary.BigEndian.PutUint32(to[4:], uint32(uint64(s%time.Second)<<32/uint64(time.Second)))
			}
			a := make([]byte, 48)
			a[0], a[1], a[2], a[3] = 4<<3|4, stratum, 6, 0xec
			now := time.Now().Add(ahead)
			stamp(a[16:], now.Add(-time.Minute))
			copy(a[24:32], q[40:48])
			stamp(a[32:], now)
			stamp(a[40:], now)
			c.WriteTo(a, from)
		}
	}()
	return c.LocalAddr().String()
}

func TestAskTime(t *testing.T) {
	const ahead = 90 * time.Minute
	got, err := AskTime(t.Context(), timeServer(t, 2, ahead))
	if off := time.Until(got) - ahead; err != nil || off.Abs() > time.Minute {
		t.Errorf("off by %v, %v", off, err)
	}
	if _, err := AskTime(t.Context(), timeServer(t, 0, ahead)); err == nil { // a kiss-o'-death, RFC 5905, 7.4
		t.Error("a server that refuses is believed")
	}
	if _, err := AskTime(t.Context(), timeServer(t, 16, ahead)); err == nil {
		t.Error("a server that is not in step itself is believed")
	}
}

func TestNTPStampsAfter2036(t *testing.T) {
	for _, tt := range []struct {
		raw  [8]byte
		want string
	}{
		{[8]byte{0xec, 0xb8, 0xe2, 0x00, 0x80}, "2025-11-07T21:24:16.5Z"},
		{[8]byte{0xff, 0xff, 0xff, 0xff}, "2036-02-07T06:28:15Z"},
		{[8]byte{0, 0, 0, 0, 0x40}, "2036-02-07T06:28:16.25Z"},
		{[8]byte{0, 0, 0, 10}, "2036-02-07T06:28:26Z"},
	} {
		if got := ntpStamp(tt.raw[:]).UTC().Format(time.RFC3339Nano); got != tt.want {
			t.Errorf("% x is %s, want %s", tt.raw, got, tt.want)
		}
	}
}

func TestGrowTouchesNothingElse(t *testing.T) {
	for dir, want := range map[string]string{"/proc": "is no ext4", "/nowhere": "no such file"} {
		if err := Grow(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", dir, err, want)
		}
	}
}
