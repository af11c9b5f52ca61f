package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

func runBus(ctx context.Context, args []string) error {
	f := flags("bus")
	line := &dlt645test.Line{}
	f.IntVar(&line.Baud, "baud", 2400, "bits a second")
	meters := f.Int("meters", 3, "how many")
	phases := f.Int("phases", 3, "1 or 3")
	protocol := f.String("protocol", "2007", "the edition that the meters speak: 2007, 1997, or both by turns")
	link := f.String("link", "", "a symbolic link to the pty, made anew")
	socket := f.String("socket", "", "a unix socket to connect to instead of a pty, such as a machine's serial port")
	f.Uint64Var(&line.Seed, "seed", 1, "of the faults")
	var quirks []string
	f.Func("quirk", "NAME, a habit of all meters; may be given several times; help lists them", func(s string) error {
		quirks = append(quirks, s)
		return nil
	})
	f.Func("fault", "NAME or NAME=RATE; may be given several times", line.Faults.Set)
	if err := parse(f, args); err != nil {
		return err
	}
	switch {
	case *protocol != "2007" && *protocol != "1997" && *protocol != "both":
		fmt.Fprintln(os.Stderr, "error: -protocol is 2007, 1997, or both by turns")
		return errUsage
	case *phases != 1 && *phases != 3, *meters < 1 || *meters > 99, line.Baud < 300:
		fmt.Fprintln(os.Stderr, "error: -phases is 1 or 3, -meters 1 to 99, -baud 300 at least")
		return errUsage
	}
	if slices.Contains(quirks, "help") {
		for _, q := range dlt645test.AllQuirks() {
			fmt.Printf("%-18s %s\n", q.Name, q.Text)
		}
		return nil
	}
	line.Meters = newMeters(*meters, *phases)
	for _, m := range line.Meters {
		for _, q := range quirks {
			if err := m.Give(q); err != nil {
				fmt.Fprintf(os.Stderr, "error: %v\n", err)
				return errUsage
			}
		}
	}
	for _, m := range line.Meters {
		m.Baud = line.Baud
	}
	for i, m := range line.Meters {
		if *protocol == "1997" || *protocol == "both" && i%2 == 1 {
			m.Protocol = dlt645.V1997
		}
	}
	for _, m := range line.Meters {
		fmt.Fprintf(os.Stderr, "meter %s of %s, %d phases\n", m.Address, m.Protocol, *phases)
	}
	if *socket != "" {
		serveSocket(ctx, *socket, line)
		return nil
	}
	p, err := openPty()
	if err != nil {
		return err
	}
	defer p.close()
	if *link != "" {
		if err := relink(p.path, *link); err != nil {
			return err
		}
		defer func() {
			if target, err := os.Readlink(*link); err == nil && target == p.path {
				os.Remove(*link)
			}
		}()
	}
	line.Rate = p.rate
	fmt.Println(p.path)
	return p.serve(ctx, line)
}

// newMeters gives meters with the addresses 202411200101 and up.
func newMeters(n, phases int) []*dlt645test.Meter {
	var out []*dlt645test.Meter
	for i := range n {
		a, err := dlt645.ParseAddress(fmt.Sprintf("2024112001%02d", i+1))
		if err != nil {
			panic(err) // digits are an address
		}
		m := dlt645test.NewMeter(a, phases)
		m.Zone = china
		out = append(out, m)
	}
	return out
}

// china is the zone of the meters' clocks, and the daemon's default.
var china = time.FixedZone("Asia/Shanghai", 8*3600)

// ptyPair is a pseudo terminal, of which we hold the line's end.
type ptyPair struct {
	master *os.File
	path   string // of the end that the daemon opens
}

func openPty() (*ptyPair, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("pty: %w", err)
	}
	// Held open here, the other end would keep the exclusive access that a
	// killed daemon had.
	defer slave.Close()
	if _, err := term.MakeRaw(int(slave.Fd())); err != nil {
		return nil, fmt.Errorf("pty: %w", err)
	}
	return &ptyPair{master, slave.Name()}, nil
}

func (p *ptyPair) close() { p.master.Close() }

// Read waits while nobody has the other end open, which the kernel tells as
// an I/O error.
func (p *ptyPair) Read(b []byte) (int, error) {
	for {
		n, err := p.master.Read(b)
		if !errors.Is(err, syscall.EIO) {
			return n, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (p *ptyPair) Write(b []byte) (int, error) { return p.master.Write(b) }

// rate gives the rate that the other end has set, which a real line would
// hear nothing but.
func (p *ptyPair) rate() int {
	t, err := unix.IoctlGetTermios(int(p.master.Fd()), unix.TCGETS)
	if err != nil {
		return 0
	}
	for baud, code := range map[int]uint32{
		300: unix.B300, 600: unix.B600, 1200: unix.B1200, 2400: unix.B2400, 4800: unix.B4800, 9600: unix.B9600, 19200: unix.B19200, 38400: unix.B38400, 57600: unix.B57600, 115200: unix.B115200,
	} {
		if t.Cflag&unix.CBAUD == code {
			return baud
		}
	}
	return 0
}

// serve lets a line answer on the pty until the context ends.
func (p *ptyPair) serve(ctx context.Context, line *dlt645test.Line) error {
	stop := context.AfterFunc(ctx, p.close)
	defer stop()
	err := line.Serve(ctx, p)
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("pty: %w", err)
}

// relink makes a symbolic link, over an old one but over nothing else.
func relink(target, link string) error {
	if info, err := os.Lstat(link); err == nil && info.Mode()&os.ModeSymlink != 0 {
		os.Remove(link)
	}
	return os.Symlink(target, link)
}
