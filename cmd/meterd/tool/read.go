package tool

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/explain"
	"meterd/dlt645"
	"meterd/meter"
)

// Read is the command "read".
func Read(f *flag.FlagSet, args []string, s cli.Streams) error {
	port := f.String("port", "", "the serial device (required)")
	baud := f.Int("baud", 2400, "bits a second")
	parity := f.String("parity", "even", "even, none or odd")
	protocol := f.String("protocol", "2007", "the edition that the meter speaks")
	asJSON := f.Bool("json", false, "a JSON object for each item")
	timeout := f.Duration("timeout", time.Second, "longest wait for the first byte of an answer")
	byteTimeout := f.Duration("byte-timeout", 500*time.Millisecond, "longest silence inside an answer")
	gap := f.Duration("gap", 30*time.Millisecond, "quiet line before a request")
	retries := f.Int("retries", 1, "of a request that met silence or noise")
	preamble := f.Int("preamble", 4, "FE bytes before a request")
	if err := cli.Parse(f, args, 2, -1); err != nil {
		return err
	}
	address, err := dlt645.ParseAddress(f.Arg(0))
	switch {
	case *port == "":
		return cli.Wrong(f, "-port is required")
	case err != nil:
		return cli.Wrong(f, "%s", strings.TrimPrefix(err.Error(), "dlt645: "))
	case *baud < 300 || *baud > 115200, *preamble < 0 || *preamble > 16, *retries < 0 || *retries > 10:
		return cli.Wrong(f, "-baud is 300 to 115200, -preamble 0 to 16, -retries 0 to 10")
	case *timeout < 50*time.Millisecond, *byteTimeout < 5*time.Millisecond, *gap < 0:
		return cli.Wrong(f, "-timeout is 50ms at least, -byte-timeout 5ms, -gap 0s")
	case !slices.Contains(board.Parities, *parity):
		return cli.Wrong(f, "-parity is one of %s", strings.Join(board.Parities, ", "))
	}
	edition, err := dlt645.ParseProtocol(*protocol)
	if err != nil {
		return cli.Wrong(f, "-protocol is 2007 or 1997")
	}
	var points meter.Points
	requests, err := wantedRequests(&points, edition, f.Args()[1:])
	if err != nil {
		return cli.Wrong(f, "%v", err)
	}
	bits := 11
	if *parity == "none" {
		bits = 10
	}
	bus := meter.NewBus(*port, meter.Timing{
		Baud: *baud, Bits: bits, Preamble: *preamble, Timeout: *timeout, ByteTimeout: *byteTimeout, Gap: *gap, Retries: *retries,
	}, openPort(*port, *baud, *parity), nil)
	defer bus.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	r := reader{bus: bus, points: &points, json: *asJSON, s: s}
	return r.all(ctx, address, requests)
}

// wantedRequests turns the words of the command line into reads: a data
// identifier is read as it is, points as few frames as hold them.
func wantedRequests(points *meter.Points, edition dlt645.Protocol, words []string) ([]meter.Request, error) {
	var out []meter.Request
	for _, w := range words {
		if di, err := dlt645.ParseDI(w); err == nil {
			if di.Protocol != edition {
				return nil, fmt.Errorf("data identifier %s is one of %s, want one of %s", di, di.Protocol, edition)
			}
			out = append(out, meter.Request{DI: di})
			continue
		}
		found, ok := points.Expand(w)
		if !ok {
			return nil, fmt.Errorf("%q is neither a data identifier (8 hexadecimal digits) nor a point", w)
		}
		reqs := meter.Plan(found, edition)
		if len(reqs) == 0 {
			return nil, fmt.Errorf("the edition of %s has no %s", edition, w)
		}
		out = append(out, reqs...)
	}
	return out, nil
}

type reader struct {
	bus    *meter.Bus
	points *meter.Points
	json   bool
	s      cli.Streams
	failed int
	noPort bool // it does not open
}

func (r *reader) all(ctx context.Context, a dlt645.Address, requests []meter.Request) error {
	for _, req := range requests {
		items := r.one(ctx, a, req.DI)
		if explain.RefusedBlock(req, items) { // as the daemon does: one by one, then
			items = nil
			for _, p := range req.Points {
				items = append(items, r.one(ctx, a, p.DI)...)
			}
		}
		for _, it := range items {
			if err := r.print(it); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if r.noPort {
		return cli.Fail("is the port there, and free? A daemon that holds it reads by: meterd exec read NAME POINT", "%d of %d reads failed", r.failed, len(requests))
	}
	if r.failed > 0 {
		return fmt.Errorf("%d of %d reads failed", r.failed, len(requests))
	}
	return nil
}

func (r *reader) one(ctx context.Context, a dlt645.Address, di dlt645.DI) []explain.Item {
	res, err := r.bus.Read(ctx, a, di)
	return explain.ItemsOf(a, di, res, err, r.points, "en")
}

func (r *reader) print(it explain.Item) error {
	if it.Err != nil {
		r.failed++
		r.noPort = r.noPort || it.Err.Kind == "port"
	}
	if !r.json {
		_, err := io.WriteString(cli.Plain(r.s.Out), it.Text("en"))
		return err
	}
	b, err := it.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = r.s.Out.Write(append(b, '\n'))
	return err
}

// openPort gives what opens a port by the words of a command line.
func openPort(port string, baud int, parity string) func() (meter.Port, error) {
	return func() (meter.Port, error) {
		return board.Open(board.SerialConfig{Path: port, Baud: baud, Parity: parity})
	}
}
