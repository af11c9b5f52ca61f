package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/journal"
)

func runConsole(f *flag.FlagSet, args []string, s cli.Streams) error {
	file := f.String("config", "/etc/meterd/meterd.toml", "where the socket, the language and the log are found")
	socket := f.String("socket", "", "where the daemon listens; default: that of the configuration")
	logs := f.String("log", "", "log files to show when no daemon answers, with commas; default: that of the configuration")
	tty := f.String("tty", "", "the terminal, such as /dev/ttyS0; default: this one. It is opened again after a hang-up")
	baud := f.Int("baud", 0, "of -tty; 0: as it is")
	captures := f.String("captures", os.TempDir(), "the directory of capture files")
	if err := cli.Parse(f, args, 0, 0); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	session := func() *console.Session { return newSession(*file, *socket, *logs, *captures) }
	if *tty != "" {
		signal.Ignore(syscall.SIGHUP)
		return serveTerminal(ctx, *tty, *baud, session, s.Err)
	}
	in, ok := s.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return session().Batch(ctx, s.In, s.Out, s.Err)
	}
	hung := make(chan os.Signal, 1)
	signal.Notify(hung, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-hung:
			cancel()
		case <-ctx.Done():
		}
	}()
	return onTerminal(ctx, in, s.Out, session())
}

// defaultSocket is where a daemon listens whose configuration is not known.
const defaultSocket = "/run/meterd.sock"

// newSession takes from the configuration what it tells. One that is wrong
// or missing does not keep anybody from the console.
func newSession(file, socket, logs, captures string) *console.Session {
	s := &console.Session{Socket: socket, Captures: captures, Language: "en", Terminal: ability(os.Getenv)}
	if c, _ := config.Load(file); c != nil {
		s.Language = c.Gateway.Language
		if s.Socket == "" {
			s.Socket = c.Console.Socket
		}
		if c.Store.State != "" {
			s.Logs = []string{journal.ErrorsFile(c)}
		}
	}
	if s.Socket == "" {
		s.Socket = defaultSocket
	}
	if logs != "" {
		s.Logs = strings.Split(logs, ",")
	}
	return s
}

// ability tells what a terminal can do, by the environment. Without any word
// of it, as by init on a serial port, it is taken for a VT102.
func ability(getenv func(string) string) console.Terminal {
	kind := getenv("TERM")
	t := console.Terminal{Escapes: kind != "dumb"}
	switch {
	case getenv("NO_COLOR") != "", kind == "", kind == "dumb", strings.HasPrefix(kind, "vt"):
	default:
		t.Colors = true
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			t.UTF8 = strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
			break
		}
	}
	return t
}

// onTerminal runs a session on a terminal, which is raw meanwhile.
func onTerminal(ctx context.Context, tty *os.File, out io.Writer, s *console.Session) error {
	var was *term.State
	err := withDescriptor(tty, func(fd int) (err error) {
		was, err = term.MakeRaw(fd)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", tty.Name(), err)
	}
	defer withDescriptor(tty, func(fd int) error { return term.Restore(fd, was) })
	s.In, s.Out = tty, out
	s.Size = func() (columns, lines int) {
		withDescriptor(tty, func(fd int) (err error) {
			columns, lines, err = term.GetSize(fd)
			return err
		})
		return columns, lines
	}
	s.Discard = func() {
		withDescriptor(tty, func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH) })
	}
	return s.Run(ctx)
}

// withDescriptor uses a file's descriptor without making its reads block for
// ever: Close then ends them.
func withDescriptor(f *os.File, use func(fd int) error) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := c.Control(func(fd uintptr) { failed = use(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// openAgain is how long after its end a session begins anew.
const openAgain = time.Second

// serveTerminal runs one session after the other on a terminal, for ever:
// after a hang-up, or when somebody leaves, the next one begins.
func serveTerminal(ctx context.Context, path string, baud int, session func() *console.Session, log io.Writer) error {
	told := ""
	for {
		tty, err := openTerminal(path, baud)
		if err == nil {
			told = ""
			err = onTerminal(ctx, tty, tty, session())
			tty.Close()
		}
		if err != nil && err.Error() != told {
			told = err.Error()
			fmt.Fprintf(log, "error: console: %v\n", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(openAgain):
		}
	}
}

// openTerminal opens a terminal without becoming its child, and without
// waiting for a carrier: most cables have three wires.
func openTerminal(path string, baud int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	err = withDescriptor(f, func(fd int) error {
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return err
		}
		t.Cflag |= unix.CLOCAL | unix.CREAD
		if baud != 0 {
			rate, ok := map[int]uint32{1200: unix.B1200, 2400: unix.B2400, 4800: unix.B4800, 9600: unix.B9600, 19200: unix.B19200, 38400: unix.B38400, 57600: unix.B57600, 115200: unix.B115200}[baud]
			if !ok {
				return fmt.Errorf("%d baud is no rate of a terminal", baud)
			}
			t.Cflag = t.Cflag&^unix.CBAUD | rate
			t.Ispeed, t.Ospeed = rate, rate
		}
		return unix.IoctlSetTermios(fd, unix.TCSETS, t)
	})
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}
