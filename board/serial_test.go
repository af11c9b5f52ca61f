package board

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// openPair gives an open port and the other end of its line.
func openPair(t *testing.T) (*Serial, *os.File, string) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	path := slave.Name()
	slave.Close()
	s, err := OpenSerial(SerialConfig{Path: path, Baud: 2400, Parity: "even"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, master, path
}

func TestBytesPassUnchangedBothWays(t *testing.T) {
	s, line, _ := openPair(t)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	if _, err := s.Write(all); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 0, 256)
	buf := make([]byte, 256)
	for len(got) < 256 {
		n, err := line.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
	}
	if string(got) != string(all) {
		t.Errorf("sent, but came out as %X", got)
	}
	if _, err := line.Write(all); err != nil {
		t.Fatal(err)
	}
	got = got[:0]
	s.SetReadTimeout(5 * time.Second)
	for len(got) < 256 {
		n, err := s.Read(buf)
		if err != nil || n == 0 {
			t.Fatalf("%d bytes came, then %v", len(got), err)
		}
		got = append(got, buf[:n]...)
	}
	if string(got) != string(all) {
		t.Errorf("received as %X", got)
	}
	s.SetReadTimeout(0)
	if n, err := s.Read(buf); n != 0 || err != nil {
		t.Errorf("a read without waiting gave %d, %v", n, err)
	}
}

func TestPortIsLockedAgainstASecondProgram(t *testing.T) {
	s, _, path := openPair(t)
	c := SerialConfig{Path: path, Baud: 2400, Parity: "even"}
	if _, err := OpenSerial(c); !errors.Is(err, ErrLocked) {
		t.Errorf("the second got %v, want ErrLocked", err)
	}
	s.Close()
	again, err := OpenSerial(c)
	if err != nil {
		t.Fatalf("after the first: %v", err)
	}
	again.Close()
}

func TestPortThatTakesNoBytesDoesNotBlockForEver(t *testing.T) {
	s, _, _ := openPair(t)
	if err := unix.IoctlSetInt(s.own, unix.TCXONC, unix.TCOOFF); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want a time-out", err)
	}
}

func TestClockBeforeTheBuildIsNotTrusted(t *testing.T) {
	built := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	c := Clock{NotBefore: built}
	if c.Trusted(built.Add(-time.Second)) || !c.Trusted(built) {
		t.Error("the build date is the border")
	}
	if late := built.AddDate(20, 0, 0); c.Trusted(late) || !c.Trusted(late.Add(-time.Second)) || c.Source(late) == SourceSystem {
		t.Error("twenty years later is the other")
	}
	if c.Source(time.Unix(0, 0)) == "system" {
		t.Error("1970 is told as the system's time")
	}
	if Uptime() <= 0 || BootID() == 0 {
		t.Error("uptime or boot are not known")
	}
}
