package tool

import (
	"context"
	"flag"
	"fmt"
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
	port := f.String("port", "", "the serial device, or tcp://host:port (required)")
	baud := f.String("baud", "2400,1200,9600", "rates to try, in this order")
	parity := f.String("parity", "even", "even, none or odd")
	protocol := f.String("protocol", "", "2007 or 1997; default both")
	timeout := f.Duration("timeout", 500*time.Millisecond, "wait for the first byte of an answer")
	gap := f.Duration("gap", 30*time.Millisecond, "quiet line before a request")
	preamble := f.Int("preamble", 4, "FE bytes before a request")
	asJSON := f.Bool("json", false, "a JSON object for each meter")
	if err := cli.Parse(f, args, 0, 0); err != nil {
		return err
	}
	var bauds []int
	for _, word := range strings.Split(*baud, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 300 || n > 19200 {
			return cli.Wrong(f, "-baud %q: want rates from 300 to 19200, with commas", *baud)
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
	case *timeout < 50*time.Millisecond || *timeout > time.Minute, *gap < 0, *preamble < 0 || *preamble > 16:
		return cli.Wrong(f, "-timeout is 50ms to 1m, -gap 0s at least, -preamble 0 to 16")
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
	err := meter.Scan(ctx, meter.ScanConfig{
		Bus: bus, Bauds: bauds, Editions: editions, Timeout: *timeout,
		Found: func(d meter.Discovery) {
			found++
			it := explain.Found{Discovery: d, Bus: "rs485-1"}
			if !*asJSON {
				fmt.Fprint(s.Out, it.Text("en"))
				return
			}
			b, err := it.MarshalJSON()
			if err == nil {
				s.Out.Write(append(b, '\n'))
			}
		},
		Progress: func(text string, probes int) { fmt.Fprintf(s.Err, "%d probes, %d meters: %s\n", probes, found, text) },
	})
	switch {
	case err == nil && found == 0:
		return cli.Fail("rate, parity, wiring A/B, and power of the meters", "no meter answers")
	case err == nil:
		return nil
	}
	if f := explain.FailureOf(err); f.Kind == "port" {
		return cli.Fail("is the port there, and free? A daemon that holds it scans by: meterd exec scan BUS", "%s", f.Text)
	}
	return err
}
