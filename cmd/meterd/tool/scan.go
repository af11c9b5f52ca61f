package tool

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/explain"
	"meterd/dlt645"
	"meterd/meter"
)

// Scan is the command "scan".
func Scan(f *flag.FlagSet, args []string, s cli.Streams) error {
	o, err := scanOptions(f, args)
	if err != nil {
		return err
	}
	bus := meter.NewBus(o.port, o.timing(), openPort(o.port, o.bauds[0], o.parity), nil)
	defer bus.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	found := 0
	passing := s.Passing()
	err = meter.Scan(ctx, meter.ScanConfig{
		Bus: bus, Bauds: o.bauds, Editions: o.editions, Timeout: o.timeout, Stop: o.stop,
		Found: func(d meter.Discovery) {
			found++
			passing.Clear()
			o.tell(s.Out, explain.Found{Discovery: d, Bus: "rs485-1"}, found)
		},
		Progress: func(at meter.Progress) { passing.Show(time.Now(), explain.ScanText(at, found).EN) },
	})
	passing.Clear()
	if other := bus.Counts().Other; other != "" {
		fmt.Fprintf(s.Err, "frames of %s pass on the line: a device speaks it, and not DL/T 645\n", other)
	}
	switch {
	case err == nil && found == 0:
		return o.nobody()
	case err == nil:
		return nil
	}
	if f := explain.FailureOf(err); f.Kind == "port" {
		return cli.Fail("is the port there, and free? A daemon that holds it scans by: meterd exec scan BUS", "%s", f.Text)
	}
	return err
}

// scanOption is how and where to search.
type scanOption struct {
	port     string
	baud     string // as it was said
	bauds    []int
	parity   string
	editions []dlt645.Protocol // none: both
	timeout  time.Duration
	gap      time.Duration
	preamble int
	stop     int
	json     bool
	csv      bool
}

// scanOptions reads the command line.
func scanOptions(f *flag.FlagSet, args []string) (scanOption, error) {
	var o scanOption
	f.StringVar(&o.port, "port", "", "the serial device, or tcp://host:port (required)")
	f.StringVar(&o.baud, "baud", "2400,1200,9600", "rates to try, in this order")
	f.StringVar(&o.parity, "parity", "even", "even, none or odd")
	protocol := f.String("protocol", "", "2007 or 1997; default both")
	f.DurationVar(&o.timeout, "timeout", 500*time.Millisecond, "wait for the first byte of an answer")
	f.DurationVar(&o.gap, "gap", 30*time.Millisecond, "quiet line before a request")
	f.IntVar(&o.preamble, "preamble", 4, "FE bytes before a request")
	f.IntVar(&o.stop, "stop", 0, "end once that many meters are found")
	f.BoolVar(&o.json, "json", false, "a JSON object for each meter")
	f.BoolVar(&o.csv, "csv", false, "a table in the form that [[meters]] file = reads")
	if err := cli.Parse(f, args, 0, 0); err != nil {
		return o, err
	}
	for _, word := range strings.Split(o.baud, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 300 || n > 115200 {
			return o, cli.Wrong(f, "-baud %q: want rates from 300 to 115200, with commas", o.baud)
		}
		o.bauds = append(o.bauds, n)
	}
	if *protocol != "" {
		p, err := dlt645.ParseProtocol(*protocol)
		if err != nil {
			return o, cli.Wrong(f, "-protocol is 2007 or 1997")
		}
		o.editions = append(o.editions, p)
	}
	switch {
	case o.port == "":
		return o, cli.Wrong(f, "-port is required")
	case o.json && o.csv:
		return o, cli.Wrong(f, "-json or -csv, not both")
	case o.timeout < 50*time.Millisecond || o.timeout > time.Minute, o.gap < 0, o.stop < 0, o.preamble < 0 || o.preamble > 16:
		return o, cli.Wrong(f, "-timeout is 50ms to 1m, -gap and -stop 0 at least, -preamble 0 to 16")
	case !slices.Contains(board.Parities, o.parity):
		return o, cli.Wrong(f, "-parity is one of %s", strings.Join(board.Parities, ", "))
	}
	return o, nil
}

func (o *scanOption) timing() meter.Timing {
	bits := 11
	if o.parity == "none" {
		bits = 10
	}
	return meter.Timing{Baud: o.bauds[0], Bits: bits, Preamble: o.preamble, Timeout: o.timeout, Gap: o.gap}
}

// tell tells the meter that was found as the n-th.
func (o *scanOption) tell(w io.Writer, it explain.Found, n int) {
	switch {
	case o.csv:
		if n == 1 {
			fmt.Fprintln(w, explain.FoundHeading)
		}
		fmt.Fprintln(w, it.CSV())
	case o.json:
		if b, err := it.MarshalJSON(); err == nil {
			w.Write(append(b, '\n'))
		}
	default:
		fmt.Fprint(cli.Plain(w), it.Text("en"))
	}
}

// nobody says what was tried in vain.
func (o *scanOption) nobody() error {
	names := make([]string, 0, 2)
	for _, e := range o.editions {
		names = append(names, e.String())
	}
	if len(names) == 0 {
		names = []string{"2007", "1997"}
	}
	return cli.Fail("look at the wires (A and B swapped?), the power of the meters, and other rates and parities: -baud, -parity",
		"no meter answers at %s baud, %s parity, in the editions of %s", o.baud, o.parity, strings.Join(names, " and "))
}
