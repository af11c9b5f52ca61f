package uplink

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// RelayCommand understands the words for the relay's states, and those that a
// bool of a platform may be; false for anything else.
func RelayCommand(value string) (dlt645.Command, bool) {
	switch strings.ToLower(value) {
	case "closed", "close", "true", "1":
		return dlt645.CommandClose, true
	case "open", "trip", "false", "0":
		return dlt645.CommandTrip, true
	}
	return 0, false
}

// Fulfilled reports whether a wish is what was reported: as it stands, or as a
// state of the relay in other words.
func Fulfilled(wish, reported string) bool {
	w, relay := RelayCommand(wish)
	r, also := RelayCommand(reported)
	return wish == reported || relay && also && w == r
}

// answerFor is how long an answer is still sent that could not be sent at
// once, or that the broker had not acknowledged when the connection ended; after
// that only who asks again gets it.
const answerFor = 30 * time.Second

// finished is a command with what became of it.
type finished struct {
	cmd    meter.Command
	result meter.Result
	at     time.Time
}

// mostFinished is how many results may wait for the loop. Who gets no answer
// asks again and is told the first outcome.
const mostFinished = 1024

// ask hands a command to whoever carries commands out. It never waits.
func (u *Uplink) ask(cmd meter.Command) {
	u.d.count.Commands++
	u.open[cmd.ID] = true
	if u.Ask == nil {
		u.finish(cmd, meter.Result{Outcome: meter.NotKnown})
		return
	}
	u.Ask(cmd, func(r meter.Result) { u.finish(cmd, r) })
}

func (u *Uplink) finish(cmd meter.Command, r meter.Result) {
	select {
	case u.finished <- finished{cmd, r, time.Now()}:
	default:
	}
}

// answer tells the platform what became of a command.
func (u *Uplink) answer(now time.Time, f finished) {
	delete(u.open, f.cmd.ID)
	if f.cmd.Retained {
		return // nobody waits for it
	}
	if m, ok := u.Platform.Answer(now, f.cmd, f.result); ok && now.Sub(f.at) < answerFor {
		m.until, m.again = f.at.Add(answerFor), true
		u.reply(m)
	}
}

// lastAnswers tells what becomes of the commands that are at work when the uplink
// ends, as far as that is known soon.
func (u *Uplink) lastAnswers(c *conn) {
	soon, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	for len(u.open) > 0 && soon.Err() == nil {
		select {
		case f := <-u.finished:
			u.answer(time.Now(), f)
		case <-soon.Done():
		}
	}
	u.sendReplies(c, time.Now())
	c.settle(soon)
}

// Word gives a text without the blanks around it, and a number or a truth value
// as it stands; "" for what is none of these, such as null or a list.
func Word(b json.RawMessage) string {
	var s string
	switch {
	case !IsWord(b):
		return ""
	case json.Unmarshal(b, &s) == nil:
		return strings.TrimSpace(s)
	}
	return string(b)
}

// IsWord reports whether a value is a text, a number or a truth value.
func IsWord(b json.RawMessage) bool {
	return len(b) > 0 && b[0] != '{' && b[0] != '[' && b[0] != 'n'
}

// EventIdentifier gives what an event is called on platforms whose identifiers
// hold letters, digits and underscores.
func EventIdentifier(kind string) string { return Identifier(strings.ReplaceAll(kind, "-", "_")) }
