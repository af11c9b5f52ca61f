package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"meterd/board"
	"meterd/dlt645"
	"meterd/meter"
)

func runRead(args []string, s streams) error {
	f := flags("read", s)
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
	if err := parse(f, args, 2, -1); err != nil {
		return err
	}
	address, err := dlt645.ParseAddress(f.Arg(0))
	switch {
	case *port == "":
		return wrong(f, "-port is required")
	case err != nil:
		return wrong(f, "%v", err)
	case *baud < 300 || *baud > 19200, *preamble < 0 || *preamble > 16, *retries < 0 || *retries > 10:
		return wrong(f, "-baud is 300 to 19200, -preamble 0 to 16, -retries 0 to 10")
	case *timeout < 50*time.Millisecond, *byteTimeout < 5*time.Millisecond, *gap < 0:
		return wrong(f, "-timeout is 50ms at least, -byte-timeout 5ms, -gap 0s")
	case !slices.Contains(board.Parities, *parity):
		return wrong(f, "-parity is one of %s", strings.Join(board.Parities, ", "))
	}
	edition, err := dlt645.ParseProtocol(*protocol)
	if err != nil {
		return wrong(f, "-protocol is 2007 or 1997")
	}
	var points meter.Points
	requests, err := wantedRequests(&points, edition, f.Args()[1:])
	if err != nil {
		return wrong(f, "%v", err)
	}
	bits := 11
	if *parity == "none" {
		bits = 10
	}
	bus := meter.NewBus(*port, meter.Timing{
		Baud: *baud, Bits: bits, Preamble: *preamble, Timeout: *timeout, ByteTimeout: *byteTimeout, Gap: *gap, Retries: *retries,
	}, func() (meter.Port, error) { return openBoardPort(*port, *baud, *parity) }, nil)
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
	s      streams
	failed int
}

// itemJSON is the shape that cli.md fixes.
type itemJSON struct {
	Address string `json:"address"`
	DI      string `json:"di"`
	valueJSON
	MS  float64      `json:"ms"` // from the request's last byte to the answer's first
	err *failureJSON // nil: it worked
}

type failureJSON struct {
	Kind string `json:"kind"`
	Code string `json:"code,omitempty"`
	Text string `json:"text"`
}

func (r *reader) all(ctx context.Context, a dlt645.Address, requests []meter.Request) error {
	for _, req := range requests {
		items := r.one(ctx, a, req.DI)
		if refusedBlock(req, items) { // as the daemon does: one by one, then
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
	if r.failed > 0 {
		return fmt.Errorf("%d of %d reads failed", r.failed, len(requests))
	}
	return nil
}

// refusedBlock reports whether the meter refused a block that stands for the
// points of the command line.
func refusedBlock(req meter.Request, items []itemJSON) bool {
	return len(req.Points) > 0 && dlt645.IsBlock(req.DI) && items[0].err != nil && items[0].err.Kind == "refusal"
}

func (r *reader) one(ctx context.Context, a dlt645.Address, di dlt645.DI) []itemJSON {
	res, err := r.bus.Read(ctx, a, di)
	return itemsOf(a, di, res, err, r.points, "en")
}

// itemsOf tells the items of an answer, or why there are none.
func itemsOf(a dlt645.Address, di dlt645.DI, res meter.Result, err error, points *meter.Points, language string) []itemJSON {
	if err != nil {
		return []itemJSON{{Address: a.String(), DI: di.String(), err: failureOf(err)}}
	}
	ms := float64(res.Took.Round(10*time.Microsecond).Microseconds()) / 1000
	items, err := dlt645.Decode(nil, di, res.Data)
	if errors.Is(err, dlt645.ErrUnknown) {
		raw := fmt.Sprintf("%X", res.Data)
		return []itemJSON{{Address: res.Address.String(), DI: di.String(), valueJSON: valueJSON{Name: "unknown, bytes in the order of the wire", Value: &raw}, MS: ms}}
	}
	if err != nil {
		return []itemJSON{{Address: res.Address.String(), DI: di.String(), err: &failureJSON{Kind: "noise", Text: err.Error()}}}
	}
	var out []itemJSON
	for _, it := range items {
		v := valueOf(it, points, language)
		v.Bits = nil
		out = append(out, itemJSON{Address: res.Address.String(), DI: it.DI.String(), valueJSON: v, MS: ms})
	}
	return out
}

// marshal gives the shape that cli.md fixes.
func (it itemJSON) marshal() ([]byte, error) {
	if it.err == nil {
		return json.Marshal(it)
	}
	return json.Marshal(struct {
		Address string       `json:"address"`
		DI      string       `json:"di"`
		Error   *failureJSON `json:"error"`
	}{it.Address, it.DI, it.err})
}

// line tells the item for people.
func (it itemJSON) line() string {
	value := "no value"
	switch {
	case it.err != nil:
		return fmt.Sprintf("%s  %s  %s: %s\n", it.Address, it.DI, it.err.Kind, it.err.Text)
	case it.Value != nil:
		value = *it.Value
	case it.Invalid != "":
		value = "invalid digits " + it.Invalid
	}
	return fmt.Sprintf("%s  %s  %s = %s\n", it.Address, it.DI, it.Name, strings.TrimSpace(value+" "+it.Unit))
}

func failureOf(err error) *failureJSON {
	j := &failureJSON{Kind: meter.FailureKind(err), Text: err.Error()}
	if refusal, ok := errors.AsType[*dlt645.Refusal](err); ok {
		j.Code, j.Text = refusal.CodeText(), refusal.Text().EN
	}
	if errors.Is(err, board.ErrLocked) {
		j.Text += "; if that is the daemon, ask it: meterd exec meter NAME"
	}
	return j
}

func (r *reader) print(it itemJSON) error {
	if it.err != nil {
		r.failed++
	}
	if !r.json {
		_, err := io.WriteString(r.s.out, it.line())
		return err
	}
	b, err := it.marshal()
	if err != nil {
		return err
	}
	_, err = r.s.out.Write(append(b, '\n'))
	return err
}
