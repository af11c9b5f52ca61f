package tool

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"meterd/board"
	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/explain"
	"meterd/dlt645"
	"meterd/meter"
)

// Scan is the command "scan".
func Scan(f *flag.FlagSet, args []string, s cli.Streams) error {
	port := f.String("port", "", "the serial device, or tcp://host:port (required)")
	baud := f.String("baud", "2400,1200,9600", "rates to try, in this order")
	parity := f.String("parity", "even", "even, none or odd")
	protocol := f.String("protocol", "", "2007 or 1997; default both")
	timeout := f.Duration("timeout", 500*time.Millisecond, "wait for the first byte of an answer")
	gap := f.Duration("gap", 30*time.Millisecond, "quiet line before a request")
	preamble := f.Int("preamble", 4, "FE bytes before a request")
	stopAt := f.Int("stop", 0, "end once that many meters are found")
	asJSON := f.Bool("json", false, "a JSON object for each meter")
	asCSV := f.Bool("csv", false, "a table in the form that [[meters]] file = reads")
	if err := cli.Parse(f, args, 0, 0); err != nil {
		return err
	}
	var bauds []int
	for _, word := range strings.Split(*baud, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 300 || n > 115200 {
			return cli.Wrong(f, "-baud %q: want rates from 300 to 115200, with commas", *baud)
		}
		bauds = append(bauds, n)
	}
	var editions []dlt645.Protocol
	if *protocol != "" {
		p, err := dlt645.ParseProtocol(*protocol)
		if err != nil {
			return cli.Wrong(f, "-protocol is 2007 or 1997")
		}
		editions = append(editions, p)
	}
	switch {
	case *port == "":
		return cli.Wrong(f, "-port is required")
	case *asJSON && *asCSV:
		return cli.Wrong(f, "-json or -csv, not both")
	case *timeout < 50*time.Millisecond || *timeout > time.Minute, *gap < 0, *stopAt < 0, *preamble < 0 || *preamble > 16:
		return cli.Wrong(f, "-timeout is 50ms to 1m, -gap and -stop 0 at least, -preamble 0 to 16")
	case !slices.Contains(board.Parities, *parity):
		return cli.Wrong(f, "-parity is one of %s", strings.Join(board.Parities, ", "))
	}
	bits := 11
	if *parity == "none" {
		bits = 10
	}
	bus := meter.NewBus(*port, meter.Timing{Baud: bauds[0], Bits: bits, Preamble: *preamble, Timeout: *timeout, Gap: *gap},
		openPort(*port, bauds[0], *parity), nil)
	defer bus.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	found := 0
	tell := progress{w: s.Screen, live: isTerminal(s.Screen)}
	err := meter.Scan(ctx, meter.ScanConfig{
		Bus: bus, Bauds: bauds, Editions: editions, Timeout: *timeout,
		Found: func(d meter.Discovery) {
			found++
			tell.clear()
			it := explain.Found{Discovery: d, Bus: "rs485-1"}
			if *asCSV {
				if found == 1 {
					fmt.Fprintln(s.Out, explain.FoundHeading)
				}
				fmt.Fprintln(s.Out, it.CSV())
				return
			}
			if !*asJSON {
				fmt.Fprint(cli.Plain(s.Out), it.Text("en"))
				return
			}
			b, err := it.MarshalJSON()
			if err == nil {
				s.Out.Write(append(b, '\n'))
			}
		},
		Stop: *stopAt, Progress: func(p meter.Progress) { tell.show(p, found) },
	})
	tell.clear()
	if other := bus.Counts().Other; other != "" {
		fmt.Fprintf(s.Err, "frames of %s pass on the line: a device speaks it, and not DL/T 645\n", other)
	}
	switch {
	case err == nil && found == 0:
		names := make([]string, 0, len(editions))
		for _, e := range editions {
			names = append(names, e.String())
		}
		if len(names) == 0 {
			names = []string{"2007", "1997"}
		}
		return cli.Fail("look at the wires (A and B swapped?), the power of the meters, and other rates and parities: -baud, -parity", "no meter answers at %s baud, %s parity, in the editions of %s", *baud, *parity, strings.Join(names, " and "))
	case err == nil:
		return nil
	}
	if f := explain.FailureOf(err); f.Kind == "port" {
		return cli.Fail("is the port there, and free? A daemon that holds it scans by: meterd exec scan BUS", "%s", f.Text)
	}
	return err
}

// progress shows how far a search is: on a terminal in one line that changes,
// elsewhere with a line now and then.
type progress struct {
	w     io.Writer
	live  bool
	shown bool
	last  time.Time
}

// progressEvery is how often it is told where nothing can be overwritten.
const progressEvery = 10 * time.Second

func (p *progress) show(at meter.Progress, found int) {
	text := fmt.Sprintf("%s, %d baud: %d found, %.0f %% done, about %v left", at.Edition, at.Baud, found, 100*at.Done, at.Left.Round(time.Second))
	switch now := time.Now(); {
	case p.live:
		fmt.Fprintf(p.w, "\r\x1b[K%s", text)
		p.shown = true
	case now.Sub(p.last) >= progressEvery:
		fmt.Fprintln(p.w, text)
		p.last = now
	}
}

// clear takes the changing line away.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
