package meter

import (
	"errors"
	"io"
	"slices"
	"syscall"
	"time"

	"meterd/dlt645"
)

// owedFor is how long a meter may still answer a request that was given up.
const owedFor = 10 * time.Second

// mostOwed bounds the requests of one meter that are remembered.
const mostOwed = 8

// debts are the requests that were given up and whose answers may still come,
// the oldest first; and how late those came that did. A meter answers in the
// order in which it was asked. A late good answer is known by its identifier;
// a late refusal carries none.
type debts struct {
	owed map[dlt645.Address][]debt
	came map[dlt645.Address][]time.Duration // after which time late answers came
}

type debt struct {
	di   dlt645.DI
	sent time.Time
}

// add notes a request without an answer.
func (d *debts) add(req dlt645.Frame, sent time.Time) {
	if d.owed == nil {
		d.owed, d.came = map[dlt645.Address][]debt{}, map[dlt645.Address][]time.Duration{}
	}
	for o, all := range d.owed {
		if sent.Sub(all[len(all)-1].sent) > owedFor {
			delete(d.owed, o)
		}
	}
	di, _ := req.DI()
	all := append(d.owed[req.Address], debt{di, sent})
	d.owed[req.Address] = all[max(0, len(all)-mostOwed):]
}

// has reports whether a meter still owes an answer.
func (d *debts) has(a dlt645.Address, now time.Time) bool {
	all := d.owed[a]
	return len(all) > 0 && now.Sub(all[len(all)-1].sent) < owedFor
}

// paid gives how long ago the request had been sent that an answer belongs to,
// of those that were given up; 0 if it belongs to none. What was asked before
// was lost.
func (d *debts) paid(answer dlt645.Frame, now time.Time) time.Duration {
	if !d.has(answer.Address, now) {
		return 0
	}
	all, di := d.owed[answer.Address], dlt645.DI{}
	i := 0
	if !answer.Control.Refusal() {
		di, _ = answer.DI()
		i = slices.IndexFunc(all, func(o debt) bool { return o.di == di })
	}
	if i < 0 {
		return 0
	}
	if d.owed[answer.Address] = all[i+1:]; len(all) == i+1 {
		delete(d.owed, answer.Address)
	}
	return now.Sub(all[i].sent)
}

// late notes an answer that came when nobody waited for it any more.
func (d *debts) late(answer dlt645.Frame, now time.Time) {
	if took := d.paid(answer, now); took > 0 && len(d.came[answer.Address]) < mostOwed {
		d.came[answer.Address] = append(d.came[answer.Address], took)
	}
}

// clear notes that a meter owes nothing: it has answered a later request.
func (d *debts) clear(a dlt645.Address) { delete(d.owed, a) }

// take gives how late a meter's answers came since the last call.
func (d *debts) take(a dlt645.Address) []time.Duration {
	all := d.came[a]
	delete(d.came, a)
	return all
}

// lateAnswers gives how late a meter's answers came since the last call.
func (b *Bus) lateAnswers(a dlt645.Address) []time.Duration {
	b.turn <- struct{}{}
	defer b.release()
	return b.owes.take(a)
}

// hungUp reports whether an error of the port is a serial server's way to say
// that it has closed the connection, as some do after each answer: it is called
// anew for the next request.
func (b *Bus) hungUp(err error) bool {
	_, paced := b.port.(PacedPort)
	return !paced && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE))
}
