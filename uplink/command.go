package uplink

import (
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// Op is what a command wants, by the names that a meter's allow uses; reading
// is always allowed.
type Op string

// The operations.
const (
	OpRead        Op = "read"
	OpRelay       Op = "relay"
	OpSet         Op = "set"
	OpTime        Op = "time"
	OpFreeze      Op = "freeze"
	OpDemandReset Op = "demand-reset"
)

// Command is what a platform asks for, whatever its dialect.
type Command struct {
	// ID is the platform's: the same one again is the same command.
	ID     string
	Meter  dlt645.Address
	Op     Op
	Relay  dlt645.Command // of OpRelay
	Points []string       // of OpRead
	// Point and Value are of OpSet: a point's name or a data identifier, and
	// what a person would write.
	Point, Value string
}

// Outcome is what became of a command.
type Outcome uint8

// The outcomes.
const (
	Done        Outcome = iota // and the meter shows it
	Denied                     // the configuration does not allow it
	NotKnown                   // no such operation, meter or point
	Invalid                    // the value is none
	NoAnswer                   // the meter is silent
	NotTaken                   // the meter refused
	Unconfirmed                // sent, but the meter does not show it
	Failed                     // anything else
	Busy                       // too many at once
)

// Result is what a platform is told of a command.
type Result struct {
	Outcome Outcome
	Text    string // why, in English
	Values  []meter.PointValue
}

const (
	// commandsKept is how many commands are remembered, and commandsFor how long:
	// one that comes again gets the same answer and is not carried out again.
	commandsKept = 256
	commandsFor  = 10 * time.Minute
	// commandWorkers carry commands out, those to one meter in their order.
	commandWorkers = 4
	// commandsWaiting is how many may wait for each worker.
	commandsWaiting = 16
	// commandTimeout bounds one command: a relay is watched for 20 s.
	commandTimeout = time.Minute
	// commandOld is when a command that waited for its turn is no longer carried
	// out: who asked has given it up.
	commandOld = 45 * time.Second
	// answerFor is how long an answer is still sent that could not be sent at
	// once; after that only who asks again gets it.
	answerFor = 30 * time.Second
)

// handled is a command that was taken.
type handled struct {
	id     string
	at     time.Time
	done   bool
	answer *Message // nil: it is still at work, or has no answer
}

// waiting is a command on its way to a worker.
type waiting struct {
	Command
	since time.Time
}

// finished is a command that was carried out.
type finished struct {
	cmd    Command
	result Result
	at     time.Time
}

// desk takes commands, has them carried out, and remembers the answers.
type desk struct {
	do   func(context.Context, Command) Result
	seen []*handled // the oldest first; owned by the loop of the uplink
	work [commandWorkers]chan waiting
	done chan finished
}

func newDesk(do func(context.Context, Command) Result) *desk {
	d := &desk{do: do, done: make(chan finished, commandWorkers*commandsWaiting)}
	for i := range d.work {
		d.work[i] = make(chan waiting, commandsWaiting)
	}
	return d
}

// run carries commands out until the context ends.
func (d *desk) run(ctx context.Context) {
	var workers sync.WaitGroup
	for _, work := range d.work {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case w := <-work:
					if time.Since(w.since) > commandOld {
						d.finish(w.Command, Result{Outcome: Busy, Text: "it waited too long behind others and was not carried out"})
						continue
					}
					d.finish(w.Command, d.carryOut(ctx, w.Command))
				}
			}
		})
	}
	workers.Wait()
}

func (d *desk) carryOut(ctx context.Context, cmd Command) Result {
	if d.do == nil {
		return Result{Outcome: NotKnown, Text: "commands are not carried out"}
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	return d.do(ctx, cmd)
}

func (d *desk) finish(cmd Command, r Result) {
	select {
	case d.done <- finished{cmd, r, time.Now()}:
	default: // nobody has taken an answer for long; who asks again is told Busy
	}
}

// take takes a command. The answer, if not nil, is to be sent at once: the
// command was answered before. Refused tells that there is no room for it.
func (d *desk) take(now time.Time, cmd Command) (answer *Message, refused bool) {
	d.seen = slices.DeleteFunc(d.seen, func(h *handled) bool { return h.done && now.Sub(h.at) > commandsFor })
	for i := 0; len(d.seen) >= commandsKept && i < len(d.seen); i++ { // what is at work is never forgotten
		if d.seen[i].done {
			d.seen = slices.Delete(d.seen, i, i+1)
			i--
		}
	}
	for _, h := range d.seen {
		if h.id == cmd.ID && cmd.ID != "" {
			return h.answer, false
		}
	}
	hash := fnv.New32a()
	hash.Write(cmd.Meter[:])
	select {
	case d.work[hash.Sum32()%commandWorkers] <- waiting{cmd, now}:
		d.seen = append(d.seen, &handled{id: cmd.ID, at: now})
		return nil, false
	default:
		return nil, true
	}
}

// answered remembers the answer of a command.
func (d *desk) answered(id string, m *Message) {
	for _, h := range d.seen {
		if h.id == id {
			h.done, h.answer = true, m
		}
	}
}
