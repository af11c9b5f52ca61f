package site

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink/uplinktest"
)

// Order is a command as the simulated platform sends it under an id.
type Order struct {
	Op   meter.Operation
	Send func(id string) uplinktest.Out
}

// Desk is a simulated platform that sends orders and reads what is answered.
type Desk struct {
	Config
	Orders []Order
	// Answer reads an answer to a command; false: the message is none.
	Answer func(topic string, payload []byte) (id, code string, ok bool)
	// Faults gives what the platform has found wrong.
	Faults func() []string
	// Codes are those that a platform is told, by the outcome.
	Codes map[meter.Outcome]string
	// Column is the heading of those codes in the table of docs/platforms.md; "":
	// they are words.
	Column string
	// Ready tells that a meter can be asked; nil: it can as soon as the uplink
	// is connected.
	Ready func() bool
	// Slow is for a platform that takes a message in a second: each operation
	// comes once and each outcome comes once, not each with each.
	Slow bool
}

// hearing is a platform that tells what it gets.
type hearing struct {
	uplinktest.Platform
	heard chan<- uplinktest.Out
}

func (h hearing) Receive(topic string, payload []byte, now time.Time) []uplinktest.Out {
	h.heard <- uplinktest.Out{Topic: topic, Payload: slices.Clone(payload)}
	return h.Platform.Receive(topic, payload, now)
}

// Outcomes sends each order with each outcome to an uplink, over a broker. It
// wants each to be carried out once, as the operation that it is, and answered
// once with the code of its outcome.
func (d Desk) Outcomes(t *testing.T) {
	t.Helper()
	outcomes := meter.Outcomes()
	if len(d.Codes) != len(outcomes) {
		t.Fatalf("codes of %d outcomes, there are %d", len(d.Codes), len(outcomes))
	}
	for _, page := range []string{"../../docs/platforms.md", "../../docs/platforms.zh-CN.md"} {
		d.documented(t, page)
	}
	heard := make(chan uplinktest.Out, 16)
	var asked []meter.Command // and carried out; read after the answer came
	next := meter.Done
	d.Platform = hearing{d.Platform, heard}
	d.Do = func(c meter.Command) meter.Result {
		asked = append(asked, c)
		if next == meter.Done {
			return meter.Result{Values: []meter.PointValue{{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}}}}
		}
		return meter.Result{Outcome: next, Text: dlt645.Text{EN: "because"}}
	}
	s := New(t, d.Config)
	s.Until(t, "connected", func() bool { return s.Uplink.State().Connected })
	if d.Ready != nil {
		s.Until(t, "ready", d.Ready)
	}
	n := 0
	for i, order := range d.Orders {
		for j, o := range outcomes {
			if d.Slow && j != i%len(outcomes) {
				continue
			}
			n++
			next = o
			id := fmt.Sprintf("6f9619ff-8b86-4d11-b42d-00c04fc9%04x", n)
			s.Publish(t, order.Send(id))
			gotID, code := d.next(t, heard)
			if len(asked) != n {
				t.Fatalf("%s, %s: %d commands were carried out, want %d", order.Op, o, len(asked), n)
			}
			if got := asked[n-1]; got.Op != order.Op || gotID != id || code != d.Codes[o] {
				t.Errorf("%s, %s: asked as %s %s, answered %s to %s, want %s to %s", order.Op, o, got.Op, got, code, gotID, d.Codes[o], id)
			}
		}
	}
	d.sound(t)
	t.Logf("%d operations, %d outcomes: %d commands", len(d.Orders), len(outcomes), n)
}

// sound wants nothing to be wrong on the platform.
func (d Desk) sound(t *testing.T) {
	t.Helper()
	for _, fault := range d.Faults() {
		t.Error("violation:", fault)
	}
}

func (d Desk) next(t *testing.T, heard <-chan uplinktest.Out) (id, code string) {
	t.Helper()
	late := time.After(mostWait)
	for {
		select {
		case m := <-heard:
			if id, code, ok := d.Answer(m.Topic, m.Payload); ok {
				return id, code
			}
		case <-late:
			t.Fatal("a command is not answered")
		}
	}
}

// Answered sends an order whose answer falls into a disconnect: the connection
// ends when the answer comes to the broker. It wants the order to be carried out
// once, and the same answer to come in the next connection. Answers tells the
// topics of answers.
func (d Desk) Answered(t *testing.T, answers func(topic string) bool) {
	t.Helper()
	heard := make(chan uplinktest.Out, 64)
	var broker atomic.Pointer[uplinktest.Broker]
	var sent, done atomic.Int32
	opens, published := d.Opens, d.Published
	d.Opens = func(b *uplinktest.Broker) {
		broker.Store(b)
		if opens != nil {
			opens(b)
		}
	}
	d.Published = func(client, topic string, retained bool) {
		if published != nil {
			published(client, topic, retained)
		}
		if answers(topic) && sent.Add(1) == 1 {
			broker.Load().Drop(client)
		}
	}
	d.Platform = hearing{d.Platform, heard}
	d.Do = func(meter.Command) meter.Result {
		done.Add(1)
		return meter.Result{}
	}
	s := New(t, d.Config)
	s.Until(t, "connected", func() bool { return s.Uplink.State().Connected })
	if d.Ready != nil {
		s.Until(t, "ready", d.Ready)
	}
	const id = "6f9619ff-8b86-4d11-b42d-00c04fc90001"
	s.Publish(t, d.Orders[0].Send(id))
	got := map[string]int{}
	s.Until(t, "answered in the next connection", func() bool {
		for {
			select {
			case m := <-heard:
				if one, code, ok := d.Answer(m.Topic, m.Payload); ok {
					got[one+" "+code]++
				}
			default:
				return sent.Load() == 2 && len(got) > 0
			}
		}
	})
	if want := id + " " + d.Codes[meter.Done]; done.Load() != 1 || len(got) != 1 || got[want] == 0 {
		t.Errorf("carried out %d times, answered %v, want %s", done.Load(), got, want)
	}
	d.sound(t)
}

// documented holds a page's table of outcomes to what the platform is told: a
// row for each, in their order, with its word for those that take words.
func (d Desk) documented(t *testing.T, page string) {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	cells := func(line string) []string {
		all := strings.Split(strings.Trim(line, "|"), "|")
		for i := range all {
			all[i] = strings.TrimSpace(all[i])
		}
		return all
	}
	lines := strings.Split(string(b), "\n")
	const words = 2 // the column of those that take words
	column := words
	first := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "|") && slices.Contains(cells(line), "DAS") })
	if first < 0 {
		t.Fatalf("%s has no table of outcomes", page)
	}
	if d.Column != "" {
		column = slices.Index(cells(lines[first]), d.Column)
	}
	for i, o := range meter.Outcomes() {
		row := cells(lines[min(first+2+i, len(lines)-1)])
		if column < 0 || len(row) <= max(column, words) {
			t.Fatalf("%s has no row for %s, or no column %s", page, o, d.Column)
		}
		codes := strings.FieldsFunc(row[column], func(r rune) bool { return r == ',' || r == '、' })
		for i := range codes {
			codes[i] = strings.TrimSpace(codes[i])
		}
		if !slices.Contains(codes, d.Codes[o]) || row[words] != o.String() {
			t.Errorf("%s: %q: %s and %q, want %s and %q", page, row[0], row[column], row[words], d.Codes[o], o)
		}
	}
	if rest := lines[min(first+2+len(meter.Outcomes()), len(lines)-1)]; strings.HasPrefix(rest, "|") {
		t.Errorf("%s has a row of no outcome: %s", page, rest)
	}
}
